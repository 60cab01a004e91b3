"""`make services`: installs the servers that tests ask for."""

if __name__ == "__main__":
    print("No test needs a server yet.")

"""The logs of the folder of real data as sources, over a connection `logs_here`."""

LOGS = """
[log.access]
from = "logs_here"
read = "apache_access.log"
format = "combined"

[log.apache]
from = "logs_here"
read = "apache.log"
format = "apache_error"
zone = "UTC"

[log.openssh]
from = "logs_here"
read = "openssh.log"
format = "syslog"
year = 2005
zone = "UTC"

[log.linux]
from = "logs_here"
read = "linux.log"
format = "syslog"
year = 2005
zone = "UTC"
"""

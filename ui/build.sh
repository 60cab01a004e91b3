#!/bin/sh
# Builds the app and the one script of a static site, side by side, into a folder that holds nothing else.
set -eu
cd "$(dirname "$0")"
rm -rf ../src/penstock/web/static
node_modules/.bin/vite build --logLevel warn &
app=$!
node_modules/.bin/vite build --mode site --logLevel warn
wait "$app"

"""Read again whenever the server is restarted into another release."""

import os
import sys
from pathlib import Path

# `current` moves on while this process still serves: nothing may be imported through that link.
chdir = str(Path(__file__).resolve().parent.parent)
sys.path[:] = [os.path.realpath(entry) for entry in sys.path]

wsgi_app = "shop.wsgi"
daemon = True
workers = 2
pidfile = "var/run/gunicorn.pid"
errorlog = "var/log/gunicorn.log"
accesslog = "var/log/access.log"
capture_output = True
# An application that can't be loaded then ends before it takes over.
preload_app = True
control_socket_disable = True

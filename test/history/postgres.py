"""PostgreSQL in a folder, for as long as standard input is open: `postgres.py FOLDER`. Prints the URI of its database.

Ends with 3 where there is no PostgreSQL.
"""

import glob
import os
import shutil
import subprocess
import sys

folder = os.path.abspath(sys.argv[1])
found = shutil.which("initdb") or next(iter(sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))), None)
if found is None:
    sys.exit(3)
tools = os.path.dirname(os.path.realpath(found))
# It refuses to run as root.
as_user = {"user": "nobody", "group": "nogroup"} if os.getuid() == 0 else {}
data = os.path.join(folder, "data")
os.makedirs(folder, exist_ok=True)
if as_user:
    shutil.chown(folder, **as_user)
    os.chmod(folder, 0o700)


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder, **as_user)


run(f"{tools}/initdb", "-D", data, "-U", "mlflow", "-A", "trust", "-E", "UTF8", "--locale", "C", "--no-sync")
control = (f"{tools}/pg_ctl", "-D", data, "-w", "-l", os.path.join(folder, "log"))
run(*control, "-o", f"-c listen_addresses='' -k {folder}", "start")
try:
    print(f"postgresql://mlflow@/postgres?host={folder}", flush=True)
    sys.stdin.read()
finally:
    run(*control, "-m", "immediate", "stop")

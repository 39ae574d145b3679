# The body of fake clients of engines: `docker run`, `nerdctl run` or `ctr run` with the given runtime, as
# containerd's shim does it. RUNTIMES, HOME and PROGRAM are set above.
import json
import os
import subprocess
import sys
import time


def option(argv, name):
    return argv[argv.index(name) + 1] if name in argv else None


def options(argv, name):
    return [argv[at + 1] for at, word in enumerate(argv) if word == name]


def said(argv):
    with open(os.path.join(HOME, "calls"), "a") as file:
        file.write(json.dumps([PROGRAM, *argv]) + "\n")


def run(argv, container, runtime, root):
    bundle = os.path.join(HOME, "bundle-" + container)
    os.makedirs(os.path.join(bundle, "rootfs", "unikernel"))
    open(os.path.join(bundle, "rootfs", "unikernel", "kernel"), "w").close()
    urunc = [runtime, "--root", root]
    subprocess.run([*urunc, "create", "--bundle", bundle, container], check=True, stdin=subprocess.DEVNULL)
    with open(os.path.join(root, container, "state.json")) as file:
        pid = json.load(file)["pid"]
    attempts = 100 if PROGRAM == "docker" else 1  # only this shim retries
    while subprocess.run([*urunc, "start", container], check=False).returncode:
        attempts -= 1
        if not attempts:
            sys.exit(PROGRAM + ": start failed")
        time.sleep(0.01)
    status = 0
    while True:
        ended, waited = os.wait()
        if ended == pid:
            status = os.waitstatus_to_exitcode(waited)
            break
    subprocess.run([*urunc, "delete", container], check=True)
    sys.exit(status)


def engine_run(argv):
    name = option(argv, "--name")
    runtime = option(argv, "--runtime")
    container = (name.encode().hex() * 8)[:64]
    with open(option(argv, "--cidfile"), "w") as file:
        file.write(container)
    root = os.path.join(HOME, "root")
    os.makedirs(root, exist_ok=True)
    run(argv, container, RUNTIMES.get(runtime, runtime), root)


def ctr_run(argv):
    container = argv[-1]
    root = os.path.join(option(argv, "--runc-root"), "default")
    os.makedirs(root, exist_ok=True)
    run(argv, container, option(argv, "--runc-binary"), root)


def main(argv):
    import ctypes

    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER, as the shim is
    said(argv)
    if argv[:1] == ["run"]:
        ctr_run(argv) if PROGRAM == "ctr" else engine_run(argv)
    elif argv[:1] == ["info"]:
        print(json.dumps({"Runtimes": {name: {} for name in RUNTIMES}, "ServerVersion": "1.0"}))
    elif argv[:1] == ["version"]:
        print("Client:\n  Version: 1.0\n\nServer:\n  Version:  1.6.20")
    elif argv[:1] == ["save"] or argv[:2] == ["images", "export"]:
        with open(os.path.join(HOME, "image.tar"), "rb") as file:
            sys.stdout.buffer.write(file.read())
    elif "load" in argv or "import" in argv:
        sys.stdin.buffer.read()


main(sys.argv[1:])

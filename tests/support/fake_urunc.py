# The body of a fake urunc: the documented life of a container, with a small program in place of the monitor.
# NAMED and LOG are set above. FAKE_MONITOR is the command of the "monitor", FAKE_TROUBLE the simulated fault.
import json
import os
import socket
import sys
import time

# Split in two, because the texts in a program identify its release.
NAMES = [
    ("CR", "invoked"),
    ("CR", "unikontainer_created"),
    ("CR", "initial_setup"),
    ("CR", "start_reexec"),
    ("RX", "create_invoked"),
    ("RX", "close_pipes_and_setup_base"),
    ("CR", "received_pids"),
    ("CR", "hooks_executed"),
    ("CR", "sent_ack"),
    ("RX", "received_ack"),
    ("CR", "terminated"),
    ("ST", "invoked"),
    ("ST", "unikontainer_created"),
    ("ST", "sent_start_msg"),
    ("RX", "received_start_msg"),
    ("RX", "joined_netns"),
    ("RX", "network_setup_completed"),
    ("RX", "disk_setup_completed"),
    ("RX", "execve_hypervisor"),
]
TROUBLE = os.environ.get("FAKE_TROUBLE", "")
MONITOR = os.environ.get("FAKE_MONITOR", "echo SeaBIOS; echo 'Hello 42!'")


def log_file():
    config = os.environ.get("URUNC_" + "CONFIG_FILE")
    if config is None:
        return LOG if os.environ.get("URUNC_TIMESTAMPS") == "1" else None
    with open(config) as file:
        text = file.read()
    if '"enabled" = true' not in text:
        return None
    return text.partition('"destination" = "')[2].partition('"')[0]


def stamp(container, number):
    path = log_file()
    if path is None or (TROUBLE == "torn" and number == 13):
        return
    more = {"timestampName": ".".join(NAMES[number]), "timestampOrder": number} if NAMED else {}
    record = {"containerID": container, "timestampID": "TS%02d" % number, **more, "time": time.time_ns()}
    with open(path, "ab", 0) as file:
        file.write(json.dumps(record, separators=(",", ":")).encode() + b"\n")


def create(root, bundle, container, pid_file):
    for number in range(3):
        stamp(container, number)
    if TROUBLE == "create":
        sys.exit("no such thing")
    home = os.path.join(root, container)
    os.mkdir(home)
    stamp(container, 3)
    read_end, write_end = os.pipe()
    if os.fork() == 0:
        os.setsid()
        pid = os.fork()
        if pid:
            os.write(write_end, str(pid).encode())
            os._exit(0)
        reexec(home, bundle, container)
    pid = int(os.read(read_end, 20))
    os.wait()
    for number in (6, 7):
        stamp(container, number)
    with open(os.path.join(home, "state.json"), "w") as file:
        json.dump({"id": container, "pid": pid, "bundle": bundle}, file)
    if pid_file is not None:
        with open(pid_file, "w") as file:
            file.write(str(pid))
    for number in (8, 10):
        stamp(container, number)


def reexec(home, bundle, container):
    for number in (4, 5, 9):
        stamp(container, number)
    if TROUBLE == "reexec":
        sys.exit(3)
    time.sleep(0.01)  # the race: start may come before there is a socket
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.join(home, "reexec.sock"))
        listener.listen()
        listener.accept()
    os.unlink(os.path.join(home, "reexec.sock"))
    for number in range(14, 19):
        stamp(container, number)
    assert os.path.exists(os.path.join(bundle, "rootfs", "unikernel", "kernel"))
    os.mkdir(os.path.join(bundle, "rootfs", "usr"))
    os.execv("/bin/sh", ["/bin/sh", "-c", MONITOR])


def start(root, container):
    for number in (11, 12):
        stamp(container, number)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(os.path.join(root, container, "reexec.sock"))
    stamp(container, 13)


def delete(root, container):
    home = os.path.join(root, container)
    with open(os.path.join(home, "state.json")) as file:
        state = json.load(file)
    try:
        os.kill(state["pid"], 0)
    except ProcessLookupError:
        pass
    else:
        sys.exit("cannot delete running unikernel: " + container)
    for entry in os.scandir(home):
        os.unlink(entry.path)
    os.rmdir(home)


def kill(root, container, number):
    with open(os.path.join(root, container, "state.json")) as file:
        os.kill(json.load(file)["pid"], int(number))


def main(argv):
    given, words = {}, []
    rest = iter(argv[1:])
    for word in rest:
        if word in ("--root", "--log", "--log-format", "--bundle", "--pid-file"):
            given[word] = next(rest)
        elif not word.startswith("--"):
            words.append(word)
    root, (command, *rest) = given["--root"], words
    if command == "create":
        os.makedirs(root, exist_ok=True)
        create(root, given["--bundle"], rest[0], given.get("--pid-file"))
    else:
        {"start": start, "delete": delete, "kill": kill}[command](root, *rest)


main(sys.argv)

"""Which Debian package has a program, for the cure of a missing one. Pure.

Only packages that are known are named: a wrong name would cost more than none.
"""

from __future__ import annotations

# Programs in a package of another name. Source: the lists of Debian 12's packages.
OTHER_NAMES = {
    "bwrap": "bubblewrap",
    "cc": "gcc",
    "ctr": "containerd",
    "dnsmasq": "dnsmasq-base",
    "docker": "docker.io",
    "dockerd": "docker.io",
    "etcd": "etcd-server",
    "go": "golang-go",
    "java": "default-jre-headless",
    "linux.uml": "user-mode-linux",
    "lxc-execute": "lxc",
    "mariadbd": "mariadb-server",
    "mke2fs": "e2fsprogs",
    "mysqld": "mariadb-server",
    "named": "bind9",
    "nc": "netcat-openbsd",
    "node": "nodejs",
    "php": "php-cli",
    "qemu-img": "qemu-utils",
    "qemu-system-aarch64": "qemu-system-arm",
    "qemu-system-arm": "qemu-system-arm",
    "qemu-system-i386": "qemu-system-x86",
    "qemu-system-x86_64": "qemu-system-x86",
    "redis-cli": "redis-tools",
    "sshd": "openssh-server",
    "systemd-nspawn": "systemd-container",
    "unshare": "util-linux",
    "varnishd": "varnish",
}
SAME_NAME = frozenset(
    {
        *("apache2", "busybox", "caddy", "cargo", "crun", "curl", "firejail", "gcc", "haproxy", "lighttpd"),
        *("memcached", "mosquitto", "nginx", "perl", "podman", "python3", "rabbitmq-server", "redis-server"),
        *("ruby", "runc", "rustc", "socat", "strace", "wget"),
    }
)


def install_cure(program: str) -> str:
    """Return the step that brings a program: a command where its package is known."""
    package = OTHER_NAMES.get(program, program if program in SAME_NAME else None)
    if package is not None:
        return f"apt-get install {package}"
    return f"install {program}, or add its directory to PATH (apt-file search bin/{program} names packages)"

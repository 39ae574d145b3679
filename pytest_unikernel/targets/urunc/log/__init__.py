"""urunc's log of timestamps: read as it grows, sorted by release, turned into intervals.

    reader.py     bytes -> stamps                      releases.py   the meaning of stamps, by release
    lives.py      stamps -> lives of containers        views.py      lives -> pairs, phases, neighbours
    scripts.py    the results of urunc's own scripts   log.py        a whole log, and the containers in it
    report.py, container_report.py   text for people   document.py   the same as JSON

Nothing here opens a file: the command does, and the reader that follows a growing log:

    reader, lives = LogReader(), Lives()
    lives.add(reader.feed(os.pread(log, 65536, offset)))   # as often as there is more
    container = lives.take(container_id)                   # when its monitor has exited
    container.lives[-1].by_id                              # {"TS00": wall clock ns, ...}

A release's ``pairs`` and ``phases`` are what ``Target(intervals=..., phases=...)`` declares.
"""

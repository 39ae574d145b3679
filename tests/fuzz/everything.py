"""Every reader that is fuzzed."""

from __future__ import annotations

import command_lines
import engine_replies
import foreign_files
import guest_files
import instance_streams
import option_values
import saved_runs

READERS = (
    *saved_runs.READERS,
    *foreign_files.READERS,
    *option_values.READERS,
    *command_lines.READERS,
    *engine_replies.READERS,
    *instance_streams.READERS,
    *guest_files.READERS,
)
BY_NAME = {each.name: each for each in READERS}
SHARES = sum(each.share for each in READERS)

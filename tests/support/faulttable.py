"""The table of faults, over all targets."""

from __future__ import annotations

import faults_containers
import faults_machines
import faults_processes
import faults_simulated

ROWS = (*faults_processes.ROWS, *faults_machines.ROWS, *faults_containers.ROWS, *faults_simulated.ROWS)

"""The table of faults that `tools/mutants.py` plants, in files by what they are of."""

from __future__ import annotations

from tools.mutant_rows import (
    faults_of_calls,
    faults_of_catalogs,
    faults_of_identities,
    faults_of_machines,
    faults_of_nodes,
    faults_of_operation,
    faults_of_records,
    faults_of_the_console,
)
from tools.mutant_rows.row import Mutant

MUTANTS: tuple[Mutant, ...] = (
    *faults_of_calls.ROWS,
    *faults_of_catalogs.ROWS,
    *faults_of_identities.ROWS,
    *faults_of_machines.ROWS,
    *faults_of_nodes.ROWS,
    *faults_of_operation.ROWS,
    *faults_of_records.ROWS,
    *faults_of_the_console.ROWS,
)
"""Every fault; names are of one kind."""

__all__ = ["MUTANTS", "Mutant"]

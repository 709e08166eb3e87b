"""A walk of the real Terraform in continuous integration, where it and the provider are built already.

It mostly waits, and takes turns with other runs. Elsewhere there is nothing to run here, and nothing to skip:
`./dev clients terraform` builds both and runs every walk.
"""

from __future__ import annotations

import pytest
from tools.clients.terraform.run import walk
from tools.clients.terraform.walks import WALKS, Plot
from tools.clients.terraform.workspace import at_hand, find_tools

from fixtures.packages import in_ci

SHORT = ("masked-lookup",)

if in_ci() and at_hand():

    @pytest.mark.by_turns(8)
    @pytest.mark.parametrize("plot", [plot for plot in WALKS if plot.name in SHORT], ids=lambda plot: plot.name)
    def test_a_walk_of_terraform(plot: Plot) -> None:
        done = walk(find_tools(), plot)
        assert [f"{step.name}: {step.detail}" for step in done.steps if not step.passed] == []
        assert len(done.steps) > len(done.covers)

"""The story of the source page, told by Terraform alone: one account publishes, another boots and looks up."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from tools.clients.steps import Teller
from tools.clients.terraform.walks import EXAMPLES, expect, same, unpublish
from tools.clients.terraform.workspace import Tools, Workspace
from tools.clients.walk_server import IMAGE, World

from kunsthalle.automation_checks.check_run import check
from kunsthalle.core.errors import NOT_FOUND

NAME = "source-page"
FOLDERS = (EXAMPLES / "publisher", EXAMPLES / "consumer", EXAMPLES / "masked-lookup")
_ACCOUNTS = ("publisher", "consumer-a")
_NOWHERE = "r006-00000000-0000-4000-8000-000000000000"
_BY_ID = """terraform {
  required_providers {
    ibm = { source = "IBM-Cloud/ibm" }
  }
}
variable "identifier" {}
data "ibm_is_image" "by_id" { identifier = var.identifier }
"""
REFUSED = f"GetImageWithContext failed: {NOT_FOUND}"
"""What provider 1.89 shows for an image that is masked or absent; up to 1.71 it had a text of its own."""


class Story:
    """Configurations of two accounts on one server, one step after the other."""

    def __init__(self, tools: Tools, world: World, folder: Path) -> None:
        self._tools, self._world, self._folder = tools, world, folder
        self._before = {account: world.inventory(account) for account in _ACCOUNTS}
        self._publisher = self._space(EXAMPLES / "publisher", "publisher")
        self._publisher.variables["consumer_account_id"] = world.id_of("consumer-a")
        self._consumer = self._space(EXAMPLES / "consumer", "consumer-a")
        self._lookup = self._space(EXAMPLES / "masked-lookup", "consumer-a")
        self._lookup.variables["image_href"] = IMAGE

    def _space(self, source: Path, account: str) -> Workspace:
        space = Workspace(self._tools, self._folder / source.name, self._world.served.data, account)
        shutil.copytree(source, space.folder)
        return space

    def tell(self, teller: Teller) -> None:
        """Take every step; those that need one that failed fail, too."""
        steps = (
            ("the publisher publishes and shares", partial(self._apply, self._publisher)),
            ("the consumer accepts", partial(self._world.accept, "consumer-a", "publisher")),
            ("the consumer boots by version", self._boot),
            ("the instance shows the foreign image's id", self._shown),
            ("by name each account finds its own image", self._by_name),
            ("kunsthalle check finds what the states and plans show", self._check),
            ("by id the foreign image is not found", self._by_id),
            ("destroying the last published version is refused, suspended it goes", self._unpublish),
            ("the consumer's instance is untouched", self._consumer.plan),
            ("the consumer destroys its own", self._destroy),
            ("nothing is left", self._nothing_left),
        )
        for name, step in steps:
            teller.step(name, step)

    @staticmethod
    def _apply(space: Workspace) -> None:
        space.run("init", "-input=false", "-no-color")
        space.apply()

    def _boot(self) -> None:
        self._consumer.variables["version_crn"] = self._publisher.outputs()["version_crn"]
        self._apply(self._consumer)

    def _shown(self) -> None:
        foreign = self._publisher.outputs()["image_id"]
        expect(self._consumer.outputs()["image_id"] == foreign, f"the instance shows another image than {foreign}")
        self._apply(self._lookup)
        expect(self._lookup.outputs()["foreign_image_id"] == foreign, "the data source shows another image")

    def _by_name(self) -> None:
        outputs = self._lookup.outputs()
        expect(outputs["image_id_by_name"] == outputs["own_image_id"], f"a name meant another image: {outputs}")
        expect(outputs["own_image_id"] != outputs["foreign_image_id"], f"one image in two accounts: {outputs}")

    def _check(self) -> None:
        """What `kunsthalle check` finds in files that Terraform itself has written, by themselves and together."""
        states = [space.folder / "terraform.tfstate" for space in (self._publisher, self._consumer, self._lookup)]
        self._publisher.run("plan", "-destroy", "-input=false", "-no-color", "-out=destroy")
        destruction = self._publisher.folder / "destroy.json"
        destruction.write_text(self._publisher.run("show", "-json", "destroy"))
        expected = (
            (states[:1], []),
            (states[1:2], ["masked-image"]),
            (states[2:], ["masked-image"]),
            (states, ["masked-image", "ambiguous-image-name", "masked-image"]),
            ([destruction], ["last-published-version-delete"]),
        )
        for paths, rules in expected:
            found = [one.rule.id for one in check(paths).findings]
            expect(found == rules, f"{[path.name for path in paths]}: {found}, not {rules}")

    def _by_id(self) -> None:
        """Masked and absent read the same."""
        space = Workspace(self._tools, self._folder / "by-id", self._world.served.data, "consumer-a")
        space.folder.mkdir()
        (space.folder / "main.tf").write_text(_BY_ID)
        space.run("init", "-input=false", "-no-color")
        for identifier in (self._publisher.outputs()["image_id"], _NOWHERE):
            space.variables["identifier"] = identifier
            text = " ".join(space.run("plan", "-input=false", "-no-color", expect=1).split())
            expect(REFUSED in text, text[-3_000:])

    def _unpublish(self) -> None:
        unpublish(self._world, self._publisher)

    def _destroy(self) -> None:
        self._lookup.destroy()
        self._consumer.destroy()

    def _nothing_left(self) -> None:
        for account, before in self._before.items():
            same(before, self._world.inventory(account))

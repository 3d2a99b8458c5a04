"""The commands in docs/operations.md on a bucket, as they stand: moved there, backed up, restored, and moved back."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from hls.store.bucket_address import BucketAddress
from project.env import Env
from project.tests.documented_installation import DOCUMENT, DocumentedInstallation, documented, kept, new_installation

pytestmark = [pytest.mark.services, pytest.mark.bucket]

DELETED = "2"  # the folder of a video that was deleted a moment ago


def follow(installation: DocumentedInstallation, name: str) -> None:
    """As it stands there, but without the two minutes in which readers may finish."""
    commands = documented(name)
    assert "storage move" in commands
    installation.run("sh", "-eu", "-c", f"{commands.strip()} --grace 0")


def test_an_installation_moves_to_a_bucket_is_restored_there_and_moves_back(
    tmp_path: Path, bucket: BucketAddress
) -> None:
    installation = new_installation(tmp_path)
    before = installation.look()
    assert before["segments"] == [200, 200]
    installation.variables = {
        "S3_BUCKET": bucket.bucket,
        "S3_PREFIX": bucket.prefix,
        "S3_ENDPOINT_URL": bucket.endpoint_url or "",
        "S3_ACCESS_KEY_ID": bucket.access_key_id,
        "S3_SECRET_ACCESS_KEY": bucket.secret_access_key,
    }
    follow(installation, "move to a bucket")
    left = {path.relative_to(installation.data).parts[:2] for path in installation.data.rglob("*.ts")}
    assert left == {("hls", DELETED)}, "no row names it, and the next sweep has it moved to the trash"
    assert kept(installation.look()) == kept(before)

    installation.follow("backup with sqlite")
    installation.lose_everything()
    installation.follow("restore with sqlite")
    assert kept(installation.look()) == kept(before), "nothing has to be made again"

    installation.variables["STORE_IN"] = "disk"
    follow(installation, "move from a bucket")
    installation.variables = {}
    assert kept(installation.look()) == kept(before)


@pytest.mark.parametrize("name", ["second worker", "second web"])
def test_commands_for_other_machines_name_variables_that_there_are(name: str) -> None:
    found = re.search(rf"<!-- checked: {name} -->\n```sh\n(.+?)```", DOCUMENT, re.DOTALL)
    assert found is not None
    words = found[1].replace("\\\n", " ").split()
    assert words[:2] == ["docker", "run"]
    assert words[-2:] == ["videoflix", name.removeprefix("second ")]
    given = {after.partition("=")[0] for word, after in pairwise(words) if word == "--env"}
    assert given <= {field.upper() for field in Env.model_fields}
    assert {"DATA_DIR"} <= given

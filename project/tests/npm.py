"""Packages that tests run in a browser, from npm, at fixed versions; where there is no npm such tests are skipped."""

import shutil
import subprocess
from pathlib import Path

import pytest

from project.tests.shared import made_once

VIDEO_JS, SHAKA = "video.js@8.24.1", "shaka-player@4.16.50"
AXE = "axe-core@4.14.1"  # finds faults of accessibility
VIOLATIONS = """async (rules) => {
  const is_loaded = document.readyState === "complete";
  await (is_loaded || new Promise((done) => addEventListener("load", done, { once: true })));
  await document.fonts.ready;
  const moving = document.getAnimations().filter((one) => one.playState === "running");
  const ending = moving.filter((one) => one.effect.getComputedTiming().endTime !== Infinity);
  await Promise.allSettled(ending.map((one) => one.finished));
  return (await axe.run(rules ? { runOnly: rules } : {})).violations
    .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 160))}`);
}"""  # of a page that has come to rest: a colour on its way to another is none that anybody reads


def installed(*packages: str) -> Path:
    """The `node_modules` with the packages in it, none of whose scripts was run."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm found")

    def install(folder: Path) -> None:
        options = ["--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)]
        command = [npm, "install", *options, *packages]
        if subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=120).returncode:
            pytest.skip(f"npm could not fetch {', '.join(packages)}")

    return made_once("-".join(packages).replace("/", "-"), install) / "node_modules"


def axe() -> str:
    """The script that brings `window.axe`, which VIOLATIONS asks."""
    return (installed(AXE) / "axe-core/axe.min.js").read_text()

"""What the README tells people to type works.

Each block of bash has a comment on the line before it that says how it is tested:

- ``<!-- test: run -->``: as it stands;
- ``<!-- test: dry -->``: each command with ``-n`` appended;
- ``<!-- test: syntax -->``: only read by bash; for what needs a network or takes long.

Blocks of Python with ``<!-- test: run -->`` are run too. All run one after the other in the same copy of the
repository, as by somebody who follows the text.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
WAYS = ("run", "dry", "syntax")


@dataclass(frozen=True)
class Block:
    """A fenced block, the line it begins in, and how it is tested."""

    line: int
    language: str
    text: str
    way: str | None


def blocks_of(text: str) -> list[Block]:
    found = []
    for match in re.finditer(r"^( *)```(\w+)[^\n]*\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL):
        before = text[: match.start()].rstrip("\n").rpartition("\n")[2]
        marker = re.fullmatch(r" *<!-- test: (\w+) -->", before)
        line = text.count("\n", 0, match.start()) + 1
        code = re.sub(rf"^{match[1]}", "", match[3], flags=re.MULTILINE)
        found.append(Block(line, match[2], code, marker[1] if marker else None))
    return found


def commands(text: str, dry: bool) -> list[str]:
    """Return the commands of a block, without comments."""
    lines = [re.sub(r"(^|\s)#.*$", "", line).strip() for line in text.replace("\\\n", " ").splitlines()]
    return [f"{line} -n" if dry and not line.startswith("cd ") else line for line in lines if line]


BLOCKS = blocks_of((ROOT / "README.md").read_text(encoding="utf-8"))
TESTED = [block for block in BLOCKS if block.way and block.language in ("bash", "python")]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of all files that are, or could be, under version control."""
    target = tmp_path_factory.mktemp("readme") / "mixsweep"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


def test_every_bash_block_says_how_it_is_tested() -> None:
    unmarked = [block.line for block in BLOCKS if block.language in ("bash", "sh", "shell") and not block.way]
    assert not unmarked, f"README.md: no <!-- test: ... --> before the blocks in lines {unmarked}"
    assert {block.way for block in BLOCKS if block.way} <= set(WAYS)


@pytest.mark.parametrize("block", TESTED, ids=lambda block: f"line {block.line} ({block.way})")
def test_block(block: Block, checkout: Path) -> None:
    if block.language == "python":
        command = [sys.executable, "-c", block.text]
    elif block.way == "syntax":
        command = ["bash", "-n", "-c", block.text]
    else:
        command = ["bash", "-ec", "\n".join(commands(block.text, dry=block.way == "dry"))]
    done = subprocess.run(
        command,
        cwd=checkout,
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, f"README.md, line {block.line}:\n{done.stdout}"


def test_the_config_shown_is_the_one_that_is_run() -> None:
    (shown,) = [yaml.safe_load(block.text) for block in BLOCKS if block.language == "yaml"]
    assert shown == yaml.safe_load((ROOT / "workflow/examples/own_data.yaml").read_text(encoding="utf-8"))


def test_blocks_are_found_with_their_markers() -> None:
    text = (
        "a\n\n<!-- test: dry -->\n```bash\ncd x\nmake sweep \\\n  CORES=2  # two\n```\n\n```bash\nls\n```\n"
    )
    first, second = blocks_of(text)
    assert (first.line, first.way, second.line, second.way) == (4, "dry", 10, None)
    assert commands(first.text, dry=True) == ["cd x", "make sweep    CORES=2 -n"]

"""JavaRosa itself, from the jar inside the pyxform wheel: one Java machine, asked a line at a time."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import mkdtemp

JAR = str(files("pyxform").joinpath("validators", "odk_validate", "bin", "ODK_Validate.jar"))
ZONE = "Asia/Ho_Chi_Minh"


@cache
def driver() -> Path:
    """The folder of the compiled driver."""
    assert shutil.which("javac"), "Java 17 with its compiler is needed: sh tests/machine.sh"
    folder = Path(mkdtemp(prefix="javarosa"))
    source = Path(__file__).parent / "java" / "Oracle.java"
    subprocess.run(["javac", "-nowarn", "-cp", JAR, "-d", folder, source], check=True, capture_output=True)
    return folder


def ask(lines: Sequence[str], zone: str = ZONE) -> list[list[str]]:
    """The answer to each line, split at its tabs."""
    options = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", f"-Duser.timezone={zone}"]
    command = ["java", *options, "-cp", f"{JAR}:{driver()}", "Oracle"]
    done = subprocess.run(command, input="\n".join(lines).encode(), capture_output=True, check=True)
    answers = done.stdout.decode().split("\n")[:-1]
    assert len(answers) == len(lines), f"{len(lines)} questions, {len(answers)} answers"
    return [answer.split("\t") for answer in answers]

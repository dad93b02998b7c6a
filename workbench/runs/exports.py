"""Where a run's metrics go besides the store: which packages that takes, and whether they are here."""

from __future__ import annotations

from importlib.util import find_spec

from store.errors import BadInput
from workbench.runs.training import TrainingSettings


def check(settings: TrainingSettings) -> None:
    """See that what `report_to` names is installed; its package has the same name.

    Raises:
        BadInput: It is not.
    """
    name = settings.report_to
    if name != "none" and find_spec(name) is None:
        raise BadInput(
            f"report_to = {name} needs the package {name}, which is not installed",
            f"install it (pip install {name}), or leave report_to at none: the store has every metric",
        )

"""Copies of run history that are killed. `npm run chaos -- --history 300` kills more of them."""

from cases import case, run
from histories import python


@case("twenty copies that are killed at random moments leave what an undisturbed one leaves")
def killed():
    return python("kills.py", "20", "20261128").strip()


run()

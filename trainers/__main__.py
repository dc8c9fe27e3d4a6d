"""`python -m trainers train|evaluate`: what MLproject runs from a clone that is not installed."""

from cytolapse.cli import main
from trainers.commands import trainers

main(trainers)

"""`python -m trainers train|evaluate|log-masks|study`: what MLproject runs from a clone that is not installed."""

from cytolapse.cli import main
from trainers.commands import trainers
from trainers.study.command import study

trainers.add_command(study)
main(trainers)

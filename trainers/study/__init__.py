"""The study: every recipe on one data set, trained, evaluated and compared as child runs of one parent."""

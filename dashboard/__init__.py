"""The dashboard: it reads the store and draws; it never imports torch or the trainers."""

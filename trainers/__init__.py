"""Trainers make models: recipes, the one loop, and evaluation."""

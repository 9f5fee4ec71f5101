"""The training state: the learning-rate schedule."""

from freshet.training.state import learning_rate_factor


def test_the_learning_rate_rises_then_falls_to_zero():
    factors = [learning_rate_factor(step, warmup_steps=2, total_steps=6) for step in range(8)]
    assert factors == [0.5, 1.0, 1.0, 0.75, 0.5, 0.25, 0.0, 0.0]

"""One question over HTTP: put to the ranker, answered with who said so, remembered as an impression."""

import asyncio

from freshet.serving.clock import iso
from freshet.serving.gateway import Gateway, new_id
from freshet.serving.impressions import Impression
from freshet.serving.questions import Answer, Arm, Question
from freshet.serving.replies import Asking

CHAMPION: Arm = "champion"


async def recommend(gateway: Gateway, question: Question) -> Answer:
    """What one shopper is shown. Raises RequestError: 503 while nothing can answer."""
    shopper = gateway.shopper(question.user_id, question.session_id)
    now = gateway.clock.now()
    answer = await ask(gateway, Asking(question, shopper, now))
    shown = tuple(item.item_id for item in answer.items)
    line = Impression(
        answer.request_id, shopper, shown, answer.tier, answer.arm, answer.bundle, answer.release, iso(now)
    )
    gateway.impressions.add(line, now)
    return answer


async def ask(gateway: Gateway, asking: Asking) -> Answer:
    """As `recommend`, of anything, and nothing is remembered. Raises RequestError: 404 for what nobody knows, 503."""
    answered = await asyncio.wrap_future(gateway.answering.ask(asking))
    listed, serving = answered.listed, answered.serving
    gateway.metrics.answers.labels(listed.tier).inc()
    return Answer(new_id(), listed.tier, CHAMPION, serving.bundle.id, serving.number, listed.items)

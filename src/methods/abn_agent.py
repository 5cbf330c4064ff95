# Copyright 2026 The Dynamic Quantization for MindSpore Authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""The stage that trains ABN's agent, on the frozen super-network.

What it learns from are episodes (agent_episodes.py), how is an option: agent_ppo.py, agent_counterfactual.py.
ABN's paper publishes neither reward nor algorithm: PPO, price and both forms are our choice (PRANCE, of
the same first author, uses PPO).
"""

from functools import partial

import numpy as np

from src.controllers.agent import BUDGETS
from src.methods.agent_counterfactual import CounterfactualObjective, Counterfactuals, WithLayer
from src.methods.agent_options import PPO, AgentOptions
from src.methods.agent_ppo import PpoEpisodes, PpoObjective
from src.methods.base import HELD_OUT, Stage, StepDraws, System
from src.methods.counterfactual import is_of_controller
from src.parameters import assign


def agent_stage(options: AgentOptions, builds: str, build) -> Stage:
    """The stage that trains the agent of what `build` makes of a float network; nothing else learns."""
    clip_norm, updates, draws, objective, experience = (
        (0.5, options.updates, StepDraws, PpoObjective, PpoEpisodes)
        if options.agent == PPO
        else (5.0, 1, WithLayer, CounterfactualObjective, Counterfactuals)
    )
    return Stage(
        "agent", builds, options.agent_epochs, options.agent_lr, "agent.ckpt", build,
        train={"optimizer": "adamw", "momentum": 0.9, "weight_decay": 0.0, "clip_norm": clip_norm,
               "distill_weight": 0.0},
        learns=is_of_controller,
        images=HELD_OUT,
        keeps_statistics=True,
        draws=lambda system: draws(system.controller),
        objective=partial(objective, options),
        experience=partial(experience, options),
        updates=updates,
        measure=measure_spending,
        keys=(f"{builds}.agent_epochs", f"{builds}.agent_lr"),
    )  # fmt: skip


def measure_spending(system: System, answers) -> None:
    """Note what the agent spends at each budget; answers(): to the images that tell, with their `bitops`."""
    agent, share, spent = system.controller, system.controller.share, []
    try:
        for budget in BUDGETS.tolist():
            agent.share = budget
            spent.append((answers().bitops.mean() - agent.cheapest) / agent.range)
    finally:
        agent.share = share
    assign(agent.spends, np.array(spent, np.float32))

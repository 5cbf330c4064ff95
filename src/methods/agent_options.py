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
"""The keys of a method that trains a step-wise agent."""

from dataclasses import dataclass
from functools import partial

from src.keys import Section, key

PPO, COUNTERFACTUAL = "ppo", "counterfactual"
LIKENESS, PROBABILITY, RIGHT = "likeness", "probability", "right"

# A run of the super-network may be resumed to train an agent, then or again.
later = partial(key, resumable=True)


@dataclass
class AgentOptions(Section):
    """The agent's part of the section of a method that trains one."""

    agent: str = later(
        PPO, "how the agent learns: ppo | counterfactual (from each image's result at each width)",
        choices=(PPO, COUNTERFACTUAL)
    )  # fmt: skip
    agent_epochs: int = later(
        0, "epochs of the agent, the network being frozen; 0: no agent", low=0
    )
    agent_lr: float = later(0.005, "its learning rate", low=0.0)
    agent_hidden: int = key(
        32, "units of the agent at each layer; of a run that begins without one, to be given from the start", low=1
    )
    budget: float = later(
        0.5, "of evaluation, as a share of the way from the cheapest plan to the dearest", low=0.0, high=1.0
    )  # fmt: skip
    result: str = later(
        LIKENESS, "what an answer is worth: likeness (to that at the largest widths) | probability (of the "
        "image's class) | right (1, else 0)", choices=(LIKENESS, PROBABILITY, RIGHT)
    )  # fmt: skip
    price_high: float = later(0.3, "price of the whole range of cost at budget 0 ...", low=1e-6)
    price_low: float = later(0.003, "... and at budget 1, falling geometrically between", low=1e-6)
    updates: int = later(4, "ppo: updates of the agent from each batch of episodes", low=1)
    clip: float = later(0.2, "ppo: how far the probability of a choice may move from batch to batch", low=0.0)
    horizon: int = later(
        0, "counterfactual: layers, from the drawn one on, that run at the width judged; 0: all that follow",
        low=0,
    )  # fmt: skip
    trace: float = later(0.95, "ppo: decay of what a later layer says of an earlier choice", low=0.0, high=1.0)
    bonus: float = later(0.003, "ppo: weight of the entropy of the agent's choices", low=0.0)

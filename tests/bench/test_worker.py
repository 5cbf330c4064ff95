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

"""What a worker answers, with a runner that only counts."""

from src.bench import worker
from src.bench.case import Case
from src.bench.worker import serve
from src.errors import UserError
from tests.bench.counter import Counter

CASE = Case("float", "native", "resnet8", 4, 32, 4, 1)


def test_serve_makes_a_first_step_and_answers_each_request(monkeypatch):
    counter, answers = Counter(), []
    monkeypatch.setattr(worker, "build", lambda case: counter.runner())
    serve(CASE, ['{"warm_up": 0, "steps": 1}'] * 2, answers.append)
    assert answers[0] == {"isa": "x"}
    assert [answer["loss"] for answer in answers[1:]] == [2.0, 3.0]


def test_serve_answers_a_user_error(monkeypatch):
    def fail(case):
        raise UserError("no compiler")

    answers = []
    monkeypatch.setattr(worker, "build", fail)
    serve(CASE, [], answers.append)
    assert answers == [{"error": "no compiler"}]

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
"""YAML as files hold it, read by libyaml where PyYAML was built with it: in a tenth of the time."""

import yaml

_SLOW, _FAST = yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _without_types(loader: type) -> type:
    """Of the same kind, but a scalar is its text, whatever number, date or truth it looks like; null stays None."""
    resolvers = {
        first: [(tag, form) for tag, form in rules if tag.endswith((":null", ":merge"))]
        for first, rules in loader.yaml_implicit_resolvers.items()
    }
    return type("TextLoader", (loader,), {"yaml_implicit_resolvers": resolvers})


_SLOW_TEXT, _FAST_TEXT = _without_types(_SLOW), _without_types(_FAST)


def read_yaml(text: str):
    """What a document holds; None of an empty one.

    Raises:
        yaml.YAMLError, ValueError: it is no YAML, or holds what looks like a date and is none.
    """
    return _read(text, _FAST, _SLOW)


def read_yaml_texts(text: str):
    """The same with each scalar but null as its text."""
    return _read(text, _FAST_TEXT, _SLOW_TEXT)


def _read(text: str, fast: type, slow: type):
    try:
        return yaml.load(text, fast)
    except yaml.YAMLError:  # libyaml refuses the escaped bytes of paths that are no UTF-8, too
        return yaml.load(text, slow)

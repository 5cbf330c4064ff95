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
from src.report.markup import Markup, join, tag, text


def test_text_is_escaped_and_markup_is_not():
    assert tag("p", "a < b & 'c'") == "<p>a &lt; b &amp; &#x27;c&#x27;</p>"
    assert tag("p", Markup("<b>x</b>")) == "<p><b>x</b></p>"


def test_attributes_are_escaped_and_none_is_left_out():
    made = tag("td", 3, cls='x"><script>', title=None, aria_label="n")
    assert made == '<td class="x&quot;&gt;&lt;script&gt;" aria-label="n">3</td>'


def test_void_elements_have_no_end():
    assert tag("meta", name="viewport") == '<meta name="viewport">'


def test_join_leaves_out_the_empty():
    assert join(["a", "", None, tag("b")], "|") == "a|<b></b>"
    assert isinstance(text("<"), Markup)

// Copyright 2026 The Dynamic Quantization for MindSpore Authors
//
// Licensed under the Apache License, Version 2.0 (the "License");
// you may not use this file except in compliance with the License.
// You may obtain a copy of the License at
//
//     http://www.apache.org/licenses/LICENSE-2.0
//
// Unless required by applicable law or agreed to in writing, software
// distributed under the License is distributed on an "AS IS" BASIS,
// WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
// See the License for the specific language governing permissions and
// limitations under the License.

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "check.h"
#include "inc/bundle.h"
#include "inc/error.h"

namespace {

using infer::Bundle;
using infer::ParseBundle;

const char kGood[] = R"(# made by a test
format=1
mindir_version=3
image=3 4 5
classes=10
bits=2 4 8
layers=2
columns=1
registers=4
front=front.mindir
mask=mask.mindir
fixed_bitops=1000

[stage]
name=layer2.0.conv1
slot=0
inputs=0
output=1
macs=7
files=a.mindir b.mindir c.mindir

[stage]
name = layer2.0.conv2
slot=1
inputs=1 0
output=2
macs=11
files=d.mindir e.mindir f.mindir

[stage]
name=head
slot=-1
inputs=2
output=3
macs=0
files=head.mindir
)";

const char kStatic[] = R"(format=1
mindir_version=1
image=1 2 2
classes=2
registers=2
fixed_bitops=9223372036854775807
[stage]
name=whole
slot=-1
inputs=0
output=1
macs=0
files=whole.mindir
)";

// The good text with its first `old` replaced.
std::string With(const std::string &old, const std::string &fresh, std::string text = kGood) {
  const size_t at = text.find(old);
  EXPECT(at != std::string::npos);
  return at == std::string::npos ? text : text.replace(at, old.size(), fresh);
}

void TestGood() {
  const Bundle bundle = ParseBundle(kGood, "some/folder/bundle.cfg");
  EXPECT(bundle.folder == "some/folder" && bundle.PathOf("x") == "some/folder/x");
  EXPECT(bundle.mindir_version == 3 && bundle.classes == 10 && bundle.registers == 4);
  EXPECT(bundle.image_size() == 60 && bundle.choice_logits() == 6);
  EXPECT((bundle.bits == std::vector<int>{2, 4, 8}));
  EXPECT(bundle.front == "front.mindir" && bundle.mask == "mask.mindir" && bundle.fixed_bitops == 1000);
  EXPECT(bundle.stages.size() == 3 && bundle.stages[1].name == "layer2.0.conv2");
  EXPECT((bundle.stages[1].inputs == std::vector<int>{1, 0}) && bundle.stages[1].output == 2);
  EXPECT(bundle.stages[1].files[2] == "f.mindir" && bundle.stages[2].slot == infer::kNoSlot);
}

void TestChoice() {
  const Bundle bundle = ParseBundle(kGood, "bundle.cfg");
  EXPECT(bundle.folder == ".");
  EXPECT(bundle.FileOf(bundle.stages[0], {2, 1}) == 2 && bundle.FileOf(bundle.stages[1], {2, 1}) == 1);
  EXPECT(bundle.FileOf(bundle.stages[2], {2, 1}) == 0);
  EXPECT(bundle.LabelOf(bundle.stages[0], 2) == "8 bits" && bundle.LabelOf(bundle.stages[2], 0) == "-");
  EXPECT(bundle.BitOps({2, 1}) == 1000 + 7 * 64 + 11 * 16);
}

void TestTwoColumns() {
  std::string text = With("bits=2 4 8", "bits=2 4");
  text = With("columns=1", "columns=2", text);
  text = With("files=a.mindir b.mindir c.mindir", "files=a b c d", text);
  text = With("files=d.mindir e.mindir f.mindir", "files=e f g h", text);
  const Bundle bundle = ParseBundle(text, "bundle.cfg");
  EXPECT(bundle.choice_logits() == 8);
  EXPECT(bundle.FileOf(bundle.stages[0], {1, 0, 0, 1}) == 2 && bundle.FileOf(bundle.stages[1], {1, 0, 0, 1}) == 1);
  EXPECT(bundle.LabelOf(bundle.stages[0], 2) == "w4 a2");
  EXPECT(bundle.BitOps({1, 0, 0, 1}) == 1000 + 7 * 8 + 11 * 8);
}

void TestStatic() {
  const Bundle bundle = ParseBundle(kStatic, "bundle.cfg");
  EXPECT(!bundle.dynamic() && bundle.front.empty() && bundle.choice_logits() == 0);
  EXPECT(bundle.stages.size() == 1 && bundle.FileOf(bundle.stages[0], {}) == 0);
  EXPECT_ERROR("static network", ParseBundle(With("classes=2", "classes=2\nbits=2 4", kStatic), "bundle.cfg"));
  EXPECT_ERROR("static network", ParseBundle(With("classes=2", "classes=2\nfront=f", kStatic), "bundle.cfg"));
  EXPECT_ERROR("slot=0", ParseBundle(With("slot=-1", "slot=0", kStatic), "bundle.cfg"));
}

// A network that decides step by step, from the image and from a map.
void TestDecisions() {
  std::string text = With("front=front.mindir\n", "");
  text = With("[stage]\nname=layer2.0.conv1",
              "[stage]\nname=c0\nslot=-1\ninputs=0\ndecides=0\nmacs=0\nfiles=c0\n\n"
              "[stage]\nname=layer2.0.conv1",
              text);
  const std::string second = "[stage]\nname=c1\nslot=-1\ninputs=1\ndecides=1\nmacs=0\nfiles=c1\n\n";
  text = With("[stage]\nname = layer2.0.conv2", second + "[stage]\nname = layer2.0.conv2", text);
  const Bundle bundle = ParseBundle(text, "bundle.cfg");
  EXPECT(bundle.front.empty() && bundle.stages.size() == 5);
  EXPECT(bundle.stages[0].decides == 0 && bundle.stages[1].decides == infer::kNoSlot && bundle.stages[2].decides == 1);
  EXPECT(bundle.BitOps({2, 1}) == 1000 + 7 * 64 + 11 * 16);
  EXPECT_ERROR("slot=1: this choice is made neither", ParseBundle(With(second, "", text), "bundle.cfg"));
  EXPECT_ERROR("decides=0: this choice has been made", ParseBundle(With("decides=1", "decides=0", text), "bundle.cfg"));
  EXPECT_ERROR("decides=2", ParseBundle(With("decides=1", "decides=2", text), "bundle.cfg"));
  EXPECT_ERROR("no output", ParseBundle(With("decides=1", "decides=1\noutput=3", text), "bundle.cfg"));
  EXPECT_ERROR("gives no logits",
               ParseBundle(text.substr(0, text.find("[stage]", text.find("decides=1"))), "bundle.cfg"));
  const std::string first = text.substr(0, text.find("[stage]\nname=c1"));
  EXPECT_ERROR("nothing makes choice 1", ParseBundle(first, "bundle.cfg"));
}

const char kLadder[] = R"(format=1
mindir_version=3
image=1 2 2
classes=2
bits=2 4
layers=1
columns=1
registers=2
front=front
fixed_bitops=5
[ladder]
costs=100 200
again=90 180
top1=0.5 0.9
usual=1
[row]
bits=2
bitops=100
top1=0.5
[row]
bits=2 4
margins=1.5
bitops=110.25
top1=0.875
[stage]
name=tail
slot=0
inputs=0
output=1
macs=7
files=a b
)";

void TestLadder() {
  EXPECT(!ParseBundle(kGood, "bundle.cfg").escalates());
  const Bundle bundle = ParseBundle(kLadder, "bundle.cfg");
  const infer::Ladder &ladder = bundle.ladder;
  EXPECT(bundle.escalates() && ladder.rows.size() == 2 && ladder.usual == 1 && (ladder.bits == bundle.bits));
  EXPECT((ladder.costs == std::vector<int64_t>{100, 200}) && (ladder.again == std::vector<int64_t>{90, 180}));
  const infer::Row &row = ladder.At(0);
  EXPECT((row.bits == std::vector<int>{2, 4}) && (row.margins == std::vector<double>{1.5}));
  EXPECT(row.bitops == 110.25 && row.top1 == 0.875 && &ladder.At(110.25) == &row && &ladder.At(1e9) == &row);
  EXPECT(&ladder.At(110) == &ladder.rows[0] && ladder.PriceOf(row, 0) == 100 && ladder.PriceOf(row, 1) == 180);
  EXPECT(ParseBundle(With("front=front\n", "", kLadder), "bundle.cfg").front.empty() && bundle.maps == 1);
  const std::string two =
    With("registers=2", "registers=3\nmaps=2", With("inputs=0\noutput=1", "inputs=0 1\noutput=2", kLadder));
  EXPECT(ParseBundle(two, "bundle.cfg").maps == 2 && ParseBundle(two, "bundle.cfg").stages[0].inputs.size() == 2);
  EXPECT_ERROR("maps=2: a network without front=", ParseBundle(With("front=front\n", "", two), "bundle.cfg"));
  EXPECT_ERROR("maps=4: `4`", ParseBundle(With("maps=2", "maps=4", two), "bundle.cfg"));
}

struct Bad {
  const char *old, *fresh, *part;
};

const Bad kBadLadder[] = {
  {"costs=100 200", "costs=100", "costs=100: 1 numbers; needed are 2"},
  {"again=90 180", "again=90 -1", "`-1`, allowed are the integers 0 to"},
  {"top1=0.5 0.9", "top1=0.5 high", "`high` is no number"},
  {"usual=1", "usual=2", "usual= (counted from 0) among 2"},
  {"usual=1", "usual=1\nrows=2", "unknown key `rows`"},
  {"[row]\nbits=2\n", "[row]\nbits=3\n", "rising widths of the bundle's bits= are allowed"},
  {"bits=2 4\nmargins", "bits=4 2\nmargins", "rising widths"},
  {"bits=2 4\nmargins", "bits=2 4 8\nmargins", "3 numbers; needed are 1 to 2"},
  {"margins=1.5", "margins=1.5 2", "margins=1.5 2: 2 numbers; needed are 1"},
  {"margins=1.5", "margins=nan", "`nan` is no number"},
  {"margins=1.5\n", "", "margins= is missing"},
  {"bitops=110.25", "bitops=99", "rows must rise"},
  {"bitops=110.25", "bitops=-1", "allowed are 0 to 1e+18"},
  {"top1=0.875", "top1=1.5", "top1=1.5: allowed are 0 to 1"},
  {"layers=1", "layers=2", "layers=1, columns=1 and two or more classes"},
  {"classes=2", "classes=1", "two or more classes"},
  {"slot=0\ninputs=0\noutput=1", "slot=-1\ninputs=0\ndecides=0", "this choice has been made already"},
};

void TestBadLadder() {
  for (const Bad &bad : kBadLadder) {
    EXPECT_ERROR(bad.part, ParseBundle(With(bad.old, bad.fresh, kLadder), "bundle.cfg"));
  }
  const std::string text = kLadder;
  const size_t ladder = text.find("[ladder]"), row = text.find("[row]"), stage = text.find("[stage]");
  EXPECT_ERROR("has one [ladder]", ParseBundle(text.substr(0, ladder) + text.substr(row), "bundle.cfg"));
  EXPECT_ERROR("among 0", ParseBundle(text.substr(0, row) + text.substr(stage), "bundle.cfg"));
  EXPECT_ERROR("0 [stage] sections", ParseBundle(text.substr(0, stage), "bundle.cfg"));
}

void TestWindowsLines() {
  std::string text;
  for (char c : std::string(kGood)) {
    text += c == '\n' ? "\r\n" : std::string(1, c);
  }
  EXPECT(ParseBundle(text, "bundle.cfg").stages[2].files[0] == "head.mindir");
}

const Bad kBad[] = {
  {"format=1\n", "format=2\n", "bundle.cfg:2: format=2: `2`, allowed is 1"},
  {"format=1\n", "", "bundle.cfg:1: format= is missing"},
  {"mindir_version=3", "mindir_version=2", "mindir_version=2: allowed are 1 and 3"},
  {"classes=10", "classes=ten", "bundle.cfg:5: classes=ten: `ten`, allowed are the integers 1 to"},
  {"classes=10", "classes=0", "classes=0"},
  {"classes=10", "classes=", "classes= has no value"},
  {"classes=10", "classes", "`classes` is not of the form key=value"},
  {"classes=10", "classes=10\nclasses=10", "classes= is given twice"},
  {"classes=10", "klasses=10", "bundle.cfg:5: unknown key `klasses`; allowed here are format"},
  {"image=3 4 5", "image=3 4", "image=3 4: 2 numbers; needed are 3"},
  {"image=3 4 5", "image=3 4 99999", "1 to 4096"},
  {"image=3 4 5", "image=4096 4 5", "channels"},
  {"bits=2 4 8\n", "", "bits= is missing"},
  {"bits=2 4 8", "bits=2 4 64", "`64`, allowed are the integers 1 to 32"},
  {"bits=2 4 8", "bits=2 4", "names 3 files; a stage of slot 0 has 2"},
  {"bits=2 4 8", "bits=1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "17 numbers; needed are 1 to 16"},
  {"layers=2", "layers=-1", "layers=-1"},
  {"layers=2", "layers=1", "slot=1: `1`, allowed are the integers -1 to 0"},
  {"columns=1", "columns=3", "columns=3"},
  {"columns=1", "columns=2", "has 9"},
  {"registers=4", "registers=3", "output=3: `3`, allowed are the integers 0 to 2"},
  {"registers=4", "registers=4000000000", "registers=4000000000"},
  {"front=front.mindir\n", "", "slot=0: this choice is made neither by the front nor by an earlier stage"},
  {"front=front.mindir", "front=a b", "one file name"},
  {"front=front.mindir", "front=../front.mindir", "`../front.mindir` is not a file of the bundle's own folder"},
  {"files=head.mindir", "files=/etc/passwd", "own folder"},
  {"files=head.mindir", "files=..", "own folder"},
  {"files=head.mindir", "files=head.mindir tail.mindir", "names 2 files; a stage of slot -1 has 1"},
  {"fixed_bitops=1000", "fixed_bitops=9223372036854775808", "fixed_bitops="},
  {"slot=0", "slot=-2", "slot=-2"},
  {"inputs=0\n", "inputs=1\n", "inputs=1: register 1 has not been written"},
  {"inputs=1 0", "inputs=1 0 0", "3 numbers; needed are 1 to 2"},
  {"output=2", "output=1", "output=1: this register has been written already"},
  {"output=1", "output=0", "output=0: this register has been written already"},
  {"macs=7", "macs=-7", "macs=-7"},
  {"macs=7\n", "", "bundle.cfg:14: macs= is missing in the section that begins here"},
  {"macs=7", "macs=7\ncolumns=1", "unknown key `columns`"},
  {"[stage]", "[step]", "`[step]` is not of the form"},
};

void TestBad() {
  for (const Bad &bad : kBad) {
    EXPECT_ERROR(bad.part, ParseBundle(With(bad.old, bad.fresh), "bundle.cfg"));
  }
  const std::string head = std::string(kGood).substr(0, std::string(kGood).find("[stage]"));
  EXPECT_ERROR("0 [stage] sections", ParseBundle(head, "bundle.cfg"));
  EXPECT_ERROR("format= is missing", ParseBundle("", "bundle.cfg"));
  EXPECT_ERROR("`a b` is not", ParseBundle("a\x01"
                                           "b\n",
                                           "bundle.cfg"));
  EXPECT_ERROR("not a bundle.cfg", ParseBundle(std::string(size_t{1} << 25, '#'), "bundle.cfg"));
}

// Whatever a damaged file says, there is a bundle or an error.
void TestDamaged(const std::string &good) {
  for (size_t i = 0; i < good.size(); i++) {
    for (char damage : {'\0', '9', '=', '\n', '\xff'}) {
      std::string text = good;
      text[i] = damage;
      Thrown<infer::Error>([&] { ParseBundle(text, "bundle.cfg"); });
    }
    Thrown<infer::Error>([&] { ParseBundle(good.substr(0, i), "bundle.cfg"); });
  }
}

void TestOnDisk() {
  EXPECT_ERROR("nowhere/bundle.cfg does not exist", infer::ReadBundle("nowhere/bundle.cfg"));
  EXPECT_ERROR("is not a bundle", infer::ReadBundle("front.mindir"));
  EXPECT_ERROR("--device_type=Host", infer::ReadBundle("model.safetensors"));
  std::filesystem::create_directories("bundle");
  EXPECT_ERROR("bundle/bundle.cfg does not exist", infer::ReadBundle("bundle"));
  std::ofstream("bundle/bundle.cfg") << kStatic;
  EXPECT_ERROR("bundle/whole.mindir is missing", infer::ReadBundle("bundle"));
  std::ofstream("bundle/whole.mindir") << "x";
  EXPECT(infer::ReadBundle("bundle").classes == 2 && infer::ReadBundle("bundle/bundle.cfg").classes == 2);
}

}  // namespace

void TestBundle() {
  TestGood();
  TestChoice();
  TestTwoColumns();
  TestStatic();
  TestDecisions();
  TestLadder();
  TestBadLadder();
  TestWindowsLines();
  TestBad();
  TestDamaged(kGood);
  TestDamaged(kLadder);
  TestOnDisk();
}

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

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "check.h"
#include "inc/pipeline.h"
#include "stub_engine.h"

namespace {

using infer::Bundle;
using infer::Tensor;
using Inputs = std::vector<const Tensor *>;
using Outputs = std::vector<Tensor>;

// Two layers with three candidates. The image holds the choice logits (6 floats); map 0 is its first
// two values. Stage one adds 10 (candidate + 1) to map 0; stage two subtracts map 0, so that the
// order of its inputs shows, and adds 100 (candidate + 1); the head repeats the first value.
Bundle Network() {
  Bundle bundle;
  bundle.folder = "b";
  bundle.mindir_version = 3;
  bundle.image = {1, 2, 3};
  bundle.classes = 2;
  bundle.bits = {2, 4, 8};
  bundle.layers = 2;
  bundle.registers = 4;
  bundle.front = "front";
  bundle.mask = "mask";
  bundle.stages = {{"one", 0, {0}, 1, 1, {"a0", "a1", "a2"}},
                   {"two", 1, {1, 0}, 2, 1, {"b0", "b1", "b2"}},
                   {"head", infer::kNoSlot, {2}, 3, 0, {"head"}}};
  return bundle;
}

StubFile Front() {
  return {{6}, {2, 6}, [](const Inputs &in) { return Outputs{{(*in[0])[0], (*in[0])[1]}, *in[0]}; }};
}

StubFile Adds(float amount) {
  return {{2}, {2}, [amount](const Inputs &in) { return Outputs{{(*in[0])[0] + amount, (*in[0])[1] + amount}}; }};
}

StubFile Subtracts(float amount) {
  const auto run = [amount](const Inputs &in) {
    return Outputs{{(*in[0])[0] - (*in[1])[0] + amount, (*in[0])[1] - (*in[1])[1] + amount}};
  };
  return {{2, 2}, {2}, run};
}

StubEngine Files() {
  StubEngine engine;
  engine.files["b/front"] = Front();
  for (int k = 0; k < 3; k++) {
    engine.files["b/a" + std::to_string(k)] = Adds(10.0f * static_cast<float>(k + 1));
    engine.files["b/b" + std::to_string(k)] = Subtracts(100.0f * static_cast<float>(k + 1));
  }
  engine.files["b/head"] = {{2}, {2}, [](const Inputs &in) { return Outputs{{(*in[0])[0], (*in[0])[0]}}; }};
  engine.files["b/mask"] = {{6}, {2, 6}, [](const Inputs &in) { return Outputs{{5, 6}, *in[0]}; }};
  return engine;
}

infer::Bytes BytesOf(const Tensor &values) {
  infer::Bytes bytes(values.size() * sizeof(float));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

Tensor LogitsOf(const infer::Answer &answer) {
  Tensor logits(answer.logits.size() / sizeof(float));
  std::memcpy(logits.data(), answer.logits.data(), answer.logits.size());
  return logits;
}

// An image that chooses candidates i and j.
infer::Bytes Choosing(size_t i, size_t j) {
  Tensor image(6);
  image[i] = 1;
  image[3 + j] = 1;
  return BytesOf(image);
}

void TestChoicesChange() {
  StubEngine engine = Files();
  const auto pipeline = infer::MakeStagePipeline(Network(), &engine);
  EXPECT(pipeline->image_bytes() == 24 && pipeline->image_text() == "1 x 2 x 3 float32");
  for (int n = 0; n < 18; n++) {
    const int i = n % 3, j = (n * 2 + n / 3) % 3;
    const infer::Answer answer = pipeline->Classify(Choosing(static_cast<size_t>(i), static_cast<size_t>(j)));
    EXPECT((answer.choices == std::vector<int32_t>{i, j}));
    const float expected = 10.0f * static_cast<float>(i + 1) + 100.0f * static_cast<float>(j + 1);
    EXPECT((LogitsOf(answer) == Tensor{expected, expected}));
  }
}

void TestSteps() {
  StubEngine engine = Files();
  const auto pipeline = infer::MakeStagePipeline(Network(), &engine);
  pipeline->Classify(Choosing(0, 2));
  pipeline->Classify(Choosing(1, 2));
  const auto &steps = pipeline->steps();
  EXPECT(steps.size() == 8 && steps[0].name == "front" && steps[0].runs == 2);
  EXPECT(steps[1].name == "one" && steps[1].candidate == "2 bits" && steps[1].runs == 1);
  EXPECT(steps[2].runs == 1 && steps[3].runs == 0 && steps[6].runs == 2);
  EXPECT(pipeline->Classify(Choosing(0, 2)).bitops == 4 + 64);
}

void TestTies() {
  StubEngine engine = Files();
  const auto pipeline = infer::MakeStagePipeline(Network(), &engine);
  EXPECT((pipeline->Classify(BytesOf({1, 1, 1, 0, 2, 2})).choices == std::vector<int32_t>{0, 1}));
}

// Each layer's choice is made when its input is there: the first from the image, the second from what
// the first layer gives (13, 23 or 33 for an image of 1 and 2).
void TestStepByStep() {
  Bundle bundle = Network();
  bundle.image = {1, 1, 2};
  bundle.front.clear();
  bundle.mask.clear();
  bundle.stages.insert(bundle.stages.begin() + 1, {"d1", infer::kNoSlot, {1}, 0, 0, {"d1"}, 1});
  bundle.stages.insert(bundle.stages.begin(), {"d0", infer::kNoSlot, {0}, 0, 0, {"d0"}, 0});
  StubEngine engine = Files();
  engine.files["b/d0"] = {{2}, {3}, [](const Inputs &in) { return Outputs{{0, (*in[0])[0], (*in[0])[1]}}; }};
  engine.files["b/d1"] = {{2}, {3}, [](const Inputs &in) { return Outputs{{25, (*in[0])[0], 0}}; }};
  const auto pipeline = infer::MakeStagePipeline(bundle, &engine);
  const infer::Answer late = pipeline->Classify(BytesOf({1, 2}));  // 2 wins; 1 + 30 beats 25
  EXPECT((late.choices == std::vector<int32_t>{2, 1}) && LogitsOf(late)[0] == 30 + 200);
  const infer::Answer early = pipeline->Classify(BytesOf({3, 2}));  // 1 wins; 3 + 20 does not
  EXPECT((early.choices == std::vector<int32_t>{1, 0}) && LogitsOf(early)[0] == 20 + 100);
  engine.files["b/d1"] = {{2}, {2}, [](const Inputs &) { return Outputs{{0, 0}}; }};
  EXPECT_ERROR("d1 has outputs of 2 floats", infer::MakeStagePipeline(bundle, &engine));
}

// A network that escalates: the front hands on the image, each rung's logits are the image's and 10, 20
// or 40 more on the first of them; cost and files are those of the row.
Bundle Escalating() {
  Bundle bundle = Network();
  bundle.image = {1, 1, 2};
  bundle.layers = 1;
  bundle.mask.clear();
  bundle.registers = 2;
  bundle.stages = {{"tail", 0, {0}, 1, 1, {"t2", "t4", "t8"}}};
  bundle.ladder.bits = bundle.bits;
  bundle.ladder.costs = {100, 200, 400};
  bundle.ladder.again = {90, 190, 390};
  bundle.ladder.rows = {{{2}, {}, 100, 0.5}, {{2, 8}, {15}, 300, 0.8}, {{2, 4, 8}, {15, 24}, 350, 0.9}};
  bundle.ladder.usual = 2;
  return bundle;
}

StubFile First(float amount) {
  return {{2}, {2}, [amount](const Inputs &in) { return Outputs{{(*in[0])[0] + amount, (*in[0])[1]}}; }};
}

StubEngine Rungs() {
  StubEngine engine;
  engine.files["b/front"] = {{2}, {2}, [](const Inputs &in) { return Outputs{*in[0]}; }};
  engine.files["b/t2"] = First(10);
  engine.files["b/t4"] = First(20);
  engine.files["b/t8"] = First(40);
  return engine;
}

void ExpectRung(const infer::Answer &answer, int rung, int candidate, double bitops, float first) {
  EXPECT(answer.rung == rung && answer.bitops == bitops && LogitsOf(answer)[0] == first);
  EXPECT((answer.choices == std::vector<int32_t>{candidate}));
}

void TestEscalation() {
  StubEngine engine = Rungs();
  const auto pipeline = infer::MakeStagePipeline(Escalating(), &engine);
  ExpectRung(pipeline->Classify(BytesOf({5, 0})), 0, 0, 100, 15);   // the threshold itself is enough
  ExpectRung(pipeline->Classify(BytesOf({4, -1})), 0, 0, 100, 14);  // best minus second best
  ExpectRung(pipeline->Classify(BytesOf({0, -30})), 0, 0, 100, 10);
  ExpectRung(pipeline->Classify(BytesOf({5, 0.5})), 1, 1, 100 + 190, 25);      // 14.5, then 24.5
  ExpectRung(pipeline->Classify(BytesOf({3, 0})), 2, 2, 100 + 190 + 390, 43);  // 13, then 23: the last rung answers
  ExpectRung(pipeline->Classify(BytesOf({0, 9})), 2, 2, 100 + 190 + 390, 40);
  ExpectRung(pipeline->Classify(BytesOf({0, 50})), 0, 0, 100, 10);  // whichever is the best
  const auto &steps = pipeline->steps();
  EXPECT(steps.size() == 4 && steps[0].runs == 7 && steps[1].runs == 7 && steps[2].runs == 3 && steps[3].runs == 2);
  EXPECT(pipeline->plan().escalation.find("2 bits, 4 bits where the margin is below 15, 8 bits") == 0);
}

// What the front hands on may be two maps: here the image, and 10 for its first value.
void TestTwoMaps() {
  Bundle bundle = Escalating();
  bundle.maps = 2;
  bundle.registers = 3;
  bundle.stages[0].inputs = {0, 1};
  bundle.stages[0].output = 2;
  StubEngine engine;
  engine.files["b/front"] = {{2}, {2, 2}, [](const Inputs &in) { return Outputs{*in[0], {10, 0}}; }};
  for (int width : bundle.bits) {
    const auto run = [width](const Inputs &in) {
      return Outputs{{(*in[0])[0] + (*in[1])[0] + static_cast<float>(width), (*in[0])[1]}};
    };
    engine.files["b/t" + std::to_string(width)] = {{2, 2}, {2}, run};
  }
  const auto pipeline = infer::MakeStagePipeline(bundle, &engine);
  ExpectRung(pipeline->Classify(BytesOf({3, 0})), 0, 0, 100, 15);
  ExpectRung(pipeline->Classify(BytesOf({2, 0})), 2, 2, 100 + 190 + 390, 20);
  engine.files["b/front"] = Rungs().files["b/front"];
  EXPECT_ERROR("front has outputs of 2 floats", infer::MakeStagePipeline(bundle, &engine));
}

void TestBudget() {
  StubEngine engine = Rungs();
  engine.files.erase("b/t4");
  const auto pipeline = infer::MakeStagePipeline(Escalating(), &engine, 349);
  ExpectRung(pipeline->Classify(BytesOf({4, 0})), 1, 2, 100 + 390, 44);
  engine.files.erase("b/t8");
  ExpectRung(infer::MakeStagePipeline(Escalating(), &engine, 100)->Classify(BytesOf({0, 9})), 0, 0, 100, 10);
  EXPECT_ERROR("b/t8 cannot be loaded", infer::MakeStagePipeline(Escalating(), &engine, 300));
  EXPECT_ERROR("--budget: 9.9e-05 M BitOPs; the cheapest setting", infer::MakeStagePipeline(Escalating(), &engine, 99));
  StubEngine others = Files();
  EXPECT_ERROR("--budget: the bundle in b does not escalate", infer::MakeStagePipeline(Network(), &others, 99));
  EXPECT_ERROR("no one-file form", infer::MakeSinglePipeline(Escalating(), &engine));
  engine = Rungs();
  engine.files["b/front"] = Front();
  EXPECT_ERROR("front has inputs of 6 floats", infer::MakeStagePipeline(Escalating(), &engine));
  engine = Rungs();
  engine.files["b/t2"] = {{2}, {2}, [](const Inputs &) { return Outputs{{NAN, 0}}; }};
  const auto broken = infer::MakeStagePipeline(Escalating(), &engine);
  EXPECT_ERROR("the logits are not all finite", broken->Classify(BytesOf({0, 0})));
}

// The choice of the weights counts for more: file w K + a.
void TestTwoColumns() {
  Bundle bundle = Network();
  bundle.bits = {2, 4};
  bundle.layers = 1;
  bundle.columns = 2;
  bundle.image = {1, 1, 4};
  bundle.registers = 2;
  bundle.stages = {{"one", 0, {0}, 1, 1, {"c0", "c1", "c2", "c3"}}};
  StubEngine engine;
  engine.files["b/front"] = {{4}, {2, 4}, [](const Inputs &in) { return Outputs{{0, 0}, *in[0]}; }};
  for (int k = 0; k < 4; k++) {
    engine.files["b/c" + std::to_string(k)] = Adds(static_cast<float>(k));
  }
  const auto pipeline = infer::MakeStagePipeline(bundle, &engine);
  for (int n : {0, 3, 1, 2, 0, 2}) {
    const float w = static_cast<float>(n / 2), a = static_cast<float>(n % 2);
    const infer::Answer answer = pipeline->Classify(BytesOf({1 - w, w, 1 - a, a}));
    EXPECT((answer.choices == std::vector<int32_t>{n / 2, n % 2}));
    EXPECT(LogitsOf(answer)[0] == static_cast<float>(n));
  }
}

void TestStatic() {
  Bundle bundle = Network();
  bundle.layers = 0;
  bundle.bits.clear();
  bundle.front.clear();
  bundle.image = {1, 1, 2};
  bundle.registers = 2;
  bundle.stages = {{"whole", infer::kNoSlot, {0}, 1, 0, {"a0"}}};
  StubEngine engine = Files();
  const auto pipeline = infer::MakeStagePipeline(bundle, &engine);
  const infer::Answer answer = pipeline->Classify(BytesOf({1, 2}));
  EXPECT(answer.choices.empty() && (LogitsOf(answer) == Tensor{11, 12}));
}

void TestSingle() {
  StubEngine engine = Files();
  const auto pipeline = infer::MakeSinglePipeline(Network(), &engine);
  const infer::Answer answer = pipeline->Classify(Choosing(2, 1));
  EXPECT((answer.choices == std::vector<int32_t>{2, 1}) && (LogitsOf(answer) == Tensor{5, 6}));
  EXPECT(pipeline->steps().size() == 1);
  Bundle bundle = Network();
  bundle.mask.clear();
  EXPECT_ERROR("no one-file form", infer::MakeSinglePipeline(bundle, &engine));
}

// The network's error when `path` is `file` instead: while loading, or of the first image.
std::string ErrorWith(const std::string &path, const StubFile &file, const infer::Bytes &image = Choosing(0, 0)) {
  StubEngine engine = Files();
  engine.files[path] = file;
  return Thrown<infer::Error>([&] { infer::MakeStagePipeline(Network(), &engine)->Classify(image); });
}

#define EXPECT_ERROR_WITH(part, ...) VerifyText(ErrorWith(__VA_ARGS__), part, __FILE__, __LINE__)

void TestWrongSizes() {
  StubFile file = Adds(1);
  file.inputs = {3};
  EXPECT_ERROR_WITH("a2 has inputs of 3 floats", "b/a2", file);
  file = Adds(1);
  file.outputs = {3};
  EXPECT_ERROR_WITH("a2 has outputs of 3 floats", "b/a2", file);
  EXPECT_ERROR_WITH("b1 has inputs of 2 floats, bundle.cfg and the files before it say 2 and 2", "b/b1", Adds(1));
  file = Front();
  file.outputs = {2};
  EXPECT_ERROR_WITH("front has outputs of 2 floats", "b/front", file);
  file.outputs = {};
  EXPECT_ERROR_WITH("front has outputs of no floats", "b/front", file);
  EXPECT_ERROR_WITH("head has inputs", "b/head", Front());
  file = {{2}, {3}, nullptr};
  EXPECT_ERROR_WITH("gives 3 floats, bundle.cfg says classes=2", "b/head", file);
}

void TestWhatARunGives() {
  EXPECT_ERROR_WITH("a0 has outputs of no floats", "b/a0", {{2}, {2}, [](const Inputs &) { return Outputs{}; }});
  EXPECT_ERROR_WITH("a0 has outputs of 1 floats", "b/a0", {{2}, {2}, [](const Inputs &) { return Outputs{{1}}; }});
  const auto fails = [](const Inputs &) -> Outputs { throw infer::Error("out of order"); };
  EXPECT_ERROR_WITH("b0 failed: out of order", "b/b0", {{2, 2}, {2}, fails});
  for (float bad : {NAN, INFINITY, -INFINITY}) {
    EXPECT_ERROR_WITH("the logits are not all finite", "b/a0",
                      {{2}, {2}, [bad](const Inputs &) { return Outputs{{bad, 0}}; }});
    EXPECT_ERROR_WITH("the choice logits are not all finite", "b/head", Files().files["b/head"],
                      BytesOf({0, 0, bad, 0, 0, 0}));
  }
  EXPECT_ERROR_WITH("20 bytes are no image of 1 x 2 x 3 float32", "b/a0", Adds(1), infer::Bytes(20));
}

void TestCannotLoad() {
  StubEngine engine = Files();
  engine.files.erase("b/b2");
  Bundle bundle = Network();
  EXPECT_ERROR("b/b2 cannot be loaded: cannot build it; bundle.cfg says mindir_version=3",
               infer::MakeStagePipeline(bundle, &engine));
  EXPECT_ERROR("export.py ... --mindir-version 1", infer::MakeStagePipeline(bundle, &engine));
  bundle.mindir_version = 1;
  const std::string text = Thrown<infer::Error>([&] { infer::MakeStagePipeline(bundle, &engine); });
  EXPECT(text == "b/b2 cannot be loaded: cannot build it");
}

}  // namespace

void TestPipeline() {
  TestChoicesChange();
  TestSteps();
  TestTies();
  TestStepByStep();
  TestEscalation();
  TestTwoMaps();
  TestBudget();
  TestTwoColumns();
  TestStatic();
  TestSingle();
  TestWrongSizes();
  TestWhatARunGives();
  TestCannotLoad();
}

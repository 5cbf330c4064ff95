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
// plan.cc: operations become steps, registers get their places.
#include "engine/plan.h"

#include <algorithm>

namespace dq {
namespace {

constexpr int kLargestCodeShift = 62;  // of a quantiser and a child's, in one
constexpr size_t kAlign = 64;

size_t rounded(size_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }

class Compiler {
 public:
  Compiler(const Program &program, Purpose purpose, const std::vector<bool> &on_pieces)
      : program_(program),
        on_pieces_(on_pieces),
        purpose_(purpose),
        traced_(purpose == Purpose::kTrace || purpose == Purpose::kTraceGiven),
        given_(purpose != Purpose::kChoosing && purpose != Purpose::kTrace),
        steady_(purpose == Purpose::kPasses ? program.steady() : 0),
        needed_(program.needed(given_)),
        readers_(program.operations.size()),
        decided_(program.plan.layers, -1),
        maker_(program.operations.size(), -1),
        done_(program.operations.size()) {
    for (int i = 0; i < count(); i++) {
      if (!needed_[i]) continue;
      for (int r : op(i).reads()) readers_[r].push_back(i);
      if (op(i).kind == kChoose) std::fill_n(decided_.begin() + op(i).slot, op(i).layers, i);
    }
  }

  CompiledPlan run() {
    for (int i = 0; i < count(); i++)
      if (needed_[i] && !done_[i]) take(i);
    if (plan_.first_again < 0) plan_.first_again = int(plan_.steps.size());
    find_last_wide();
    for (Step &step : plan_.steps) step.wide = is_wanted(step.result);
    find_places();
    return std::move(plan_);
  }

 private:
  const Operation &op(int i) const { return program_.operations[size_t(i)]; }
  int count() const { return int(program_.operations.size()); }
  bool on_bytes(int i) const { return op(i).kind == kConv && runs_on_bytes(program_, i); }

  void take(int i) {
    if (i >= steady_ && plan_.first_again < 0) plan_.first_again = int(plan_.steps.size());
    if (on_bytes(i)) {
      take_conv(i);
    } else if (on_pieces_[i]) {
      take_image(i);
    } else if (!is_left_out(i)) {
      add({Step::kPlain, i, i});
    }
  }

  // Whether nothing reads codes, or the image, but what gets bytes or pieces.
  bool is_left_out(int i) const {
    const Operation &o = op(i);
    if (traced_ || (o.kind != kQuantise && o.kind != kInput)) return false;
    return std::all_of(readers_[i].begin(), readers_[i].end(),
                       [&](int r) { return on_bytes(r) || on_pieces_[r]; });
  }

  // The one operation that reads register i, if a step that begins there may do it, too; else -1.
  int only_reader(int i) const {
    if (readers_[i].size() != 1 || traced_) return -1;
    const int reader = readers_[i][0];
    return i < steady_ && reader >= steady_ ? -1 : reader;
  }

  void take_image(int i) {
    Step step = {Step::kImage, i, i};
    const int reader = only_reader(i);
    if (reader >= 0 && op(reader).kind == kAffine) {
      step.affine = step.result = reader;
      done_[reader] = true;
    }
    add(step);
  }

  void take_conv(int i) {
    const int source = int(op(i).x);
    const int maker = op(source).kind == kQuantise ? maker_[op(source).x] : -1;
    if (maker >= 0 && may_write(plan_.steps[maker], i)) {
      plan_.steps[maker].codes.push_back(i);
    } else {
      Step step = {op(source).kind == kInput ? Step::kPixels : Step::kCodes, i, -1};
      step.codes.push_back(i);
      plan_.steps.push_back(step);
    }
    Step step = {Step::kConv, i, i};
    const int reader = only_reader(i);
    if (reader >= 0 && op(reader).kind == kAdd) {
      const int other = int(op(reader).x == i ? op(reader).y : op(reader).x);
      if (other < i) {
        step.sum = step.result = reader;
        step.residual = other;
        done_[reader] = true;
      }
    }
    if (reader >= 0 && op(reader).kind == kMaxPool && is_window(op(i))) {
      step.pool = step.result = reader;
      done_[reader] = true;
    }
    add(step);
  }

  // Of all channels, so that its kernel is one that can keep sums.
  static bool is_window(const Operation &conv) { return conv.kernel > 1 && conv.groups == 1; }

  void add(const Step &step) {
    maker_[step.result] = int(plan_.steps.size());
    plan_.steps.push_back(step);
  }

  // Whether a step can write the codes of convolution i: their width is known when it runs.
  bool may_write(const Step &step, int i) const {
    if (step.kind != Step::kConv && step.kind != Step::kImage) return false;
    if (int(step.codes.size()) == kCodeOutputs) return false;
    const Operation &conv = op(i), &quantise = op(int(conv.x));
    if (step.op < steady_ && std::max(i, int(conv.x)) >= steady_) return false;
    return is_decided(quantise, step.op) && is_decided(conv, step.op);
  }

  bool is_decided(const Operation &o, int before) const {
    if (given_ || o.slot < 0 || o.candidates() == 1) return true;
    return decided_[size_t(o.slot)] < before;
  }

  bool is_wanted(int r) const {
    return r >= 0 && (traced_ || r == count() - 1 || last_wide_[size_t(r)] >= 0);
  }

  // The last step that reads each register as int32.
  void find_last_wide() {
    last_wide_.assign(program_.operations.size(), -1);
    for (int s = 0; s < int(plan_.steps.size()); s++) {
      const Step &step = plan_.steps[s];
      if (step.residual >= 0) last_wide_[step.residual] = s;
      if (step.kind == Step::kPlain)
        for (int r : op(step.op).reads()) last_wide_[r] = s;
      if (step.kind == Step::kCodes) last_wide_[coded_register(program_, op(step.op))] = s;
    }
  }

  struct Buffer {
    size_t bytes;
    int first, last;  // steps
    size_t *place;
  };

  void find_places() {
    const int steps = int(plan_.steps.size());
    Places &places = plan_.places;
    places.wide.assign(program_.operations.size(), Places::kNone);
    places.codes = places.wide;
    std::vector<int> conv_step(program_.operations.size(), steps);
    for (int s = 0; s < steps; s++)
      if (plan_.steps[s].kind == Step::kConv) conv_step[plan_.steps[s].op] = s;
    std::vector<Buffer> buffers;
    std::vector<int> buffer_of(program_.operations.size(), -1);  // of registers
    for (int s = 0; s < steps; s++) {
      const Step &step = plan_.steps[s];
      for (int c : step.codes)
        buffers.push_back({code_bytes(c), s, end_of(s, conv_step[c]), &places.codes[c]});
      const int r = step.result;
      if (r < 0 || !step.wide || op(r).kind == kChoose) continue;
      const bool stays = traced_ || r == count() - 1;
      const int last = stays ? steps : end_of(s, last_wide_[r]);
      const int sum = step.residual < 0 ? -1 : buffer_of[step.residual];
      if (sum >= 0 && buffers[sum].last == s) {  // nobody else wants it: the sum takes its place
        buffer_of[r] = sum;
        buffers[sum].last = last;
      } else {
        buffer_of[r] = int(buffers.size());
        buffers.push_back({rounded(op(r).out.size() * sizeof(int32_t)), s, last, &places.wide[r]});
      }
    }
    place(&buffers);
    for (int r = 0; r < count(); r++)
      if (buffer_of[r] >= 0) places.wide[r] = *buffers[buffer_of[r]].place;
  }

  // What a step of the first pass writes and a later one reads stays to the end.
  int end_of(int written, int last) const {
    const bool crosses =
        purpose_ == Purpose::kPasses && written < plan_.first_again && last >= plan_.first_again;
    return crosses ? int(plan_.steps.size()) : last;
  }

  size_t code_bytes(int conv) const {
    const CodeTensor t = tensor_of(program_, op(conv), 0);
    return rounded(2 * kCodeSlack + t.bytes() + 2 * size_t(t.row()));
  }

  // The lowest place that is free for as long as it is needed.
  void place(std::vector<Buffer> *buffers) {
    struct Taken {
      size_t begin, end;
      int last;
    };
    std::vector<Taken> taken;  // by begin
    for (Buffer &b : *buffers) {
      taken.erase(std::remove_if(taken.begin(), taken.end(),
                                 [&](const Taken &t) { return t.last < b.first; }),
                  taken.end());
      size_t at = 0;
      auto next = taken.begin();
      for (; next != taken.end() && next->begin < at + b.bytes; ++next)
        at = std::max(at, next->end);
      *b.place = at;
      taken.insert(
          std::find_if(taken.begin(), taken.end(), [&](const Taken &t) { return t.begin > at; }),
          {at, at + b.bytes, b.last});
      plan_.places.bytes = std::max(plan_.places.bytes, at + b.bytes);
    }
  }

  const Program &program_;
  const std::vector<bool> &on_pieces_;
  const Purpose purpose_;
  const bool traced_, given_;
  const int steady_;
  const std::vector<bool> needed_;
  std::vector<std::vector<int>> readers_;
  std::vector<int> decided_;  // by slot: the Choose that decides it
  std::vector<int> maker_;    // by register: the step that ends with it
  std::vector<bool> done_;    // operations that another's step does
  std::vector<int> last_wide_;
  CompiledPlan plan_;
};

int largest_code_bits(const Operation &writer) {
  if (writer.kind != kQuantise) return writer.out.bits;
  const auto &bits = writer.arrays.bits.values;
  return int(*std::max_element(bits.begin(), bits.end()));
}

}  // namespace

CompiledPlan compile(const Program &program, Purpose purpose, const std::vector<bool> &on_pieces) {
  return Compiler(program, purpose, on_pieces).run();
}

bool runs_on_bytes(const Program &program, int i) {
  const Operation &conv = program.operations[size_t(i)];
  const Operation &source = program.operations[size_t(conv.x)];
  for (int k = 0; k < conv.candidates(); k++) {
    if (conv.odd && conv.w_bits(k) == 8) return false;  // 2 c + 1 leaves a byte
    if (source.kind == kQuantise && source.shift + child_shift(conv, k) > kLargestCodeShift)
      return false;
  }
  return true;
}

int child_shift(const Operation &conv, int a_choice) {
  return conv.master ? int(conv.master) - conv.a_bits(a_choice) : 0;
}

int coded_register(const Program &program, const Operation &conv) {
  const Operation &source = program.operations[size_t(conv.x)];
  return int(source.kind == kQuantise ? source.x : conv.x);
}

CodeRange codes_read(const Program &program, const Operation &conv, int a_choice) {
  const Operation &source = program.operations[size_t(conv.x)];
  if (source.kind == kBucketise && !conv.master) {
    const auto &levels = source.arrays.levels.values;
    return {std::min(levels.front(), 0), std::max(levels.back(), 0)};
  }
  int bits = largest_code_bits(source);
  if (conv.master) {
    bits = conv.a_bits(a_choice);
  } else if (source.kind == kQuantise && source.candidates() > 1 && source.slot == conv.slot &&
             source.column == conv.a_column) {
    bits = source.a_bits(a_choice);
  }
  const int top = 1 << (source.out.is_signed ? bits - 1 : bits);
  return {source.out.is_signed ? -top : 0, top - 1};
}

CodeTensor tensor_of(const Program &program, const Operation &conv, int a_choice) {
  const Register &x = program.operations[size_t(conv.x)].out;
  return {
      nullptr, x.h, x.w, x.c, int(conv.padding), uint8_t(-codes_read(program, conv, a_choice).low)};
}

}  // namespace dq

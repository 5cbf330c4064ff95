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
// engine.h: runs a checked program, as compiled plans (plan.h). Weights are kept packed at every
// width that was asked for, so that a change of width is another pointer. Any number of threads may
// call an engine at once; the one that finds the pool free has its threads, others run on their
// own.
#pragma once
#include <memory>
#include <mutex>
#include <string>

#include "engine/frame.h"
#include "engine/plain.h"
#include "engine/plan.h"
#include "engine/pooled.h"
#include "engine/prepared.h"
#include "engine/prepared_image.h"
#include "engine/program.h"

namespace dq {

// Passes over an image: of each its plan [layers, columns] and its row of statistics, and of all
// but the last a threshold.
struct Rungs {
  int count;
  const int64_t *plans, *rows, *thresholds;
};

class Engine {
 public:
  explicit Engine(Program program);
  ~Engine();

  const Program &program() const { return program_; }

  // logits [n, classes]; plan_out [n, layers, columns] or null. plan: the same, or null for the
  // controller's; its values and the row are the caller's to check, and the budget (of each image,
  // kNoBudget for the program's).
  void run(const uint8_t *images, int64_t n, const int64_t *plan, int row, int32_t *logits,
           int64_t *plan_out, int64_t budget = kNoBudget);

  // Escalation: every image is answered at the first of `rungs`, and again at the next where its
  // margin, best minus second-best logit, is below the rung's threshold. What the passes have in
  // common (Program::steady) is computed once. logits [n, classes]; ends [n], the rung that each
  // image ended at. As with run(), the values of plans and rows are the caller's to check.
  void climb(const uint8_t *images, int64_t n, const Rungs &rungs, int32_t *logits, int64_t *ends);

  // The most images of a run() that ends within seconds.
  int64_t batch() const;

  // Every register of one image as (C, H, W), one behind the other, into `out` (register_total()
  // values); what did not have to run stays as it is.
  void trace(const uint8_t *image, const int64_t *plan, int row, int32_t *out,
             int64_t budget = kNoBudget);
  size_t register_total() const;

  // Seconds of every operation, [runs][operations], in `runs` runs of one image, one after the
  // other. What an operation does along with others counts as its own; what did not run stays as it
  // is.
  void times(const uint8_t *image, const int64_t *plan, int row, int64_t runs, double *seconds);

  // What multiplies in operation i under a plan as in run(): a kernel's name; "" where nothing
  // does.
  const char *kernel_of(int i, const int64_t *plan, int row);

  // What a KernelChoice calls operation i under a plan; "" where no such kernel does it.
  std::string choice_key(int i, const int64_t *plan);

  // Operation i alone, of one image: inputs (C, H, W) of the registers it reads (of an Input, the
  // pixels), plan as in run(); out (C, H, W), of a Choose the plan.
  void apply(int i, const uint8_t *pixels, const int32_t *const *inputs, const int64_t *plan,
             int row, int32_t *out);

 private:
  struct Compiled;  // a plan, made on first use
  class Lease;      // frames of a call

  size_t pixel_count() const;  // values of an image
  bool is_light() const;
  const CompiledPlan &compiled(Purpose purpose);
  template <class Body>
  void each(int64_t n, const Body &body);
  int climb_one(const CompiledPlan &plan, const Rungs &rungs, Frame *frame);
  // steps.cc
  void begin(const CompiledPlan &plan, const uint8_t *pixels, int row, int64_t budget,
             Frame *frame);
  void run_steps(const CompiledPlan &plan, int first, Frame *frame);
  void run_step(const Step &step, Frame *frame);
  void run_conv(const Step &step, Frame *frame);
  void run_pooled(const Step &step, const ConvKernel &of_sums, const ConvJob &job, int64_t work,
                  Frame *frame);
  void run_image(const Step &step, Frame *frame);
  void add_outputs(const Step &step, const Frame &frame, Finish *f) const;
  CodeOutput output_of(int conv, const Frame &frame) const;
  CodeTensor codes_of(int conv, const Frame &frame) const;
  void pass_reach(int i, Frame *frame) const;
  void codes_from_pixels(int conv, Frame *frame);
  void codes_from_wide(int conv, Frame *frame);

  Program program_;
  const std::shared_ptr<const KernelChoice> choice_ = choice_in_use();
  PlainOperations plain_;
  Blocks weights_;                                      // packed
  std::vector<std::unique_ptr<PreparedConvs>> convs_;   // of those on bytes
  std::vector<std::unique_ptr<PreparedImage>> images_;  // of those on pieces
  std::unique_ptr<Compiled[]> compiled_;                // by purpose
  std::mutex idle_;
  std::vector<std::unique_ptr<Frame>> frames_;  // that no call has
};

}  // namespace dq

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
// dynquant.h: the integer engine for C programs. It takes an artefact (`export.py --format int`),
// checks it, and runs images through it, in integers from pixels to logits: the same on every
// machine. What is declared here keeps its meaning. runtime/README.md tells how to build and link
// the library, runtime/examples/classify.c shows its use.
//
// Results. A function whose comment lists codes returns one of them, or DQ_OK; dq_error has a
// sentence for each. None throws, prints, or ends the program.
//
// Arrays. They are the caller's, in C order without gaps, and read or written during the call
// only. A pointer may be null where that is said, and nowhere else.
//
// Threads. Any thread may call any function at any time, also for one program at once. A call runs
// on all threads of the engine's pool (dq_set_threads), or on its own thread alone while another
// call has the pool. A fork waits for the calls that run; the child may go on with the programs
// that were open.
#pragma once
#include <stdint.h>

#define DQ_API __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

typedef enum dq_code {
  DQ_OK = 0,
  DQ_MEMORY = 21,       // memory could not be had
  DQ_UNKNOWN_ISA = 22,  // DYNQUANT_ISA names an instruction set that this machine lacks
  DQ_INTERNAL = 23,     // a fault of the engine
  DQ_ARTEFACT = 24,     // the artefact is damaged, not one, or too large to run
  DQ_PLAN = 25,         // a plan's candidate, a row of statistics or a budget is out of range
  DQ_CLOSED = 26        // no program is open under this number
} dq_code;

// A sentence for any number; static.
DQ_API const char *dq_error(int code);

// ---- programs ----------------------------------------------------------------------------------

// What the arrays of a program measure. A plan holds a candidate, 0 .. choices - 1, for each layer
// that is decided and each column.
typedef struct dq_sizes {
  int64_t height;     // of an image in pixels; it has 3 channels
  int64_t width;      // the same
  int64_t classes;    // logits of an image
  int64_t layers;     // of a plan
  int64_t columns;    // of a plan: 2 where weights and inputs choose apart, else 1
  int64_t choices;    // 0, as layers and columns: there is no plan, all widths are fixed
  int64_t rows;       // of statistics, at least 1
  int64_t registers;  // values of all registers of an image
  int64_t memory;     // bytes that an image takes while it runs
  int64_t work;       // multiplications that an image takes
  int64_t packed;     // bytes of weights, packed at all widths, at most
  int64_t budget;     // BitOPs that the controller minds for an image; -1: it minds none
} dq_sizes;

// Reads and checks an artefact. DQ_ARTEFACT, DQ_UNKNOWN_ISA, DQ_MEMORY, DQ_INTERNAL.
//
// - file [size]: its bytes, which may be freed after the call.
// - program: becomes the number that the other functions take, above 0; after an error 0.
// - text [text_size]: gets what is wrong, ended by a zero and cut to size; may be null.
DQ_API int dq_program_open(const uint8_t *file, int64_t size, int64_t *program, char *text,
                           int text_size);

// Frees a program as soon as no call runs it. Calls that begin later give DQ_CLOSED; to close it
// again does nothing.
DQ_API void dq_program_close(int64_t program);

// DQ_CLOSED.
DQ_API int dq_program_sizes(int64_t program, dq_sizes *sizes);

// The most images that a call should bring, so that it ends within seconds: a caller learns of
// signals between calls. At least 1; of a closed program 0. More are not refused.
DQ_API int64_t dq_program_batch(int64_t program);

// Runs n >= 0 images. DQ_CLOSED, DQ_PLAN, DQ_UNKNOWN_ISA, DQ_MEMORY, DQ_INTERNAL.
//
// - images [n, 3, height, width]: red, green and blue, 0..255.
// - plan [n, layers, columns]: of each image; null: as the controller chooses.
// - row: of the statistics, 0; or what the artefact's notes name for a plan of one width.
// - budget: BitOPs that the controller minds for an image; -1: the program's own.
// - logits [n, classes]: written. The class is the first of the largest.
// - plan_out [n, layers, columns]: written, the plan that each image ran with; may be null.
DQ_API int dq_program_run(int64_t program, const uint8_t *images, int64_t n, const int64_t *plan,
                          int row, int64_t budget, int32_t *logits, int64_t *plan_out);

// Escalation: an image is answered at the first rung, and again at the next where the margin of its
// logits, best minus second-best, is below the rung's threshold. Codes of dq_program_run.
//
// - images [n, 3, height, width]: as above.
// - plans [rungs, layers, columns]: of each pass, the cheapest first.
// - rows [rungs]: of the statistics, of each pass.
// - thresholds [rungs - 1]: of all passes but the last; may be null if there is one.
// - logits [n, classes]: written, of the pass that each image ended at.
// - ends [n]: written, the number of that pass, from 0.
DQ_API int dq_program_climb(int64_t program, const uint8_t *images, int64_t n, const int64_t *plans,
                            const int64_t *rows, const int64_t *thresholds, int rungs,
                            int32_t *logits, int64_t *ends);

// ---- the machine -------------------------------------------------------------------------------

// Which kernels the convolutions of programs opened later run on: text as `bench.py tune` keeps
// it, a line "KEY\tKERNEL" for each. It changes times, and never a result. What it does not name,
// or names what this machine cannot, runs on what suits most machines; null or "": all of it.
// DQ_MEMORY, DQ_INTERNAL.
DQ_API int dq_use_kernels(const char *text);

// How many threads later calls ask for; 0: DYNQUANT_NUM_THREADS of the environment, or all cores
// allowed. Returns that number, 256 at most.
DQ_API int dq_set_threads(int count);

// Threads at work, fewer where the system gives no more. Waits for the call that has the pool.
DQ_API int dq_threads(void);

// The instruction set in use: avx512, avx2, dotprod or portable; "" with DQ_UNKNOWN_ISA. Static.
DQ_API const char *dq_isa(void);

#ifdef __cplusplus
}
#endif

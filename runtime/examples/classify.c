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
// classify.c: the class, the logits and the plan of one image.
//     cc classify.c -I PREFIX/include -L PREFIX/lib -ldynquant -o classify
//     LD_LIBRARY_PATH=PREFIX/lib ./classify model.safetensors image.bin
// image.bin: uint8 [3, height, width], the red values of all pixels, then the green, then the blue.
#include <dynquant.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int fail(const char *what, const char *why) {
  fprintf(stderr, "error: %s: %s\n", what, why);
  return 2;
}

// The bytes of a file, to be freed; null if it cannot be read.
static uint8_t *read_file(const char *path, int64_t *size) {
  FILE *file = fopen(path, "rb");
  uint8_t *bytes = NULL;
  if (!file) return NULL;
  if (!fseek(file, 0, SEEK_END) && (*size = ftell(file)) >= 0 && (bytes = malloc((size_t)*size + 1))) {
    rewind(file);
    if (fread(bytes, 1, (size_t)*size, file) != (size_t)*size) free(bytes), bytes = NULL;
  }
  fclose(file);
  return bytes;
}

int main(int argc, char **argv) {
  if (argc != 3) return fail("usage", "classify MODEL IMAGE");
  int64_t program, file_size, image_size, best = 0;
  char text[256];
  uint8_t *file = read_file(argv[1], &file_size), *image = read_file(argv[2], &image_size);
  if (!file || !image) return fail(file ? argv[2] : argv[1], "cannot be read");
  if (dq_program_open(file, file_size, &program, text, sizeof text)) return fail(argv[1], text);

  dq_sizes sizes;
  dq_program_sizes(program, &sizes);
  if (image_size != 3 * sizes.height * sizes.width) return fail(argv[2], "not an image of the network's size");
  const int64_t cells = sizes.layers * sizes.columns;
  int32_t *logits = calloc((size_t)sizes.classes, sizeof *logits);
  int64_t *plan = calloc((size_t)cells + 1, sizeof *plan);
  if (!logits || !plan) return fail(argv[1], dq_error(DQ_MEMORY));
  const int code = dq_program_run(program, image, 1, NULL, 0, -1, logits, plan);
  if (code) return fail(argv[2], dq_error(code));

  for (int64_t k = 1; k < sizes.classes; k++) best = logits[k] > logits[best] ? k : best;
  printf("class %" PRId64 "\nlogits", best);
  for (int64_t k = 0; k < sizes.classes; k++) printf(" %" PRId32, logits[k]);
  printf("\nplan");
  for (int64_t k = 0; k < cells; k++) printf(" %" PRId64, plan[k]);
  printf("\n");
  dq_program_close(program);
  free(file), free(image), free(logits), free(plan);
  return 0;
}

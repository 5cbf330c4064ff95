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
// main.cc: a folder of images in, logits, choices and times out.
#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <new>
#include <string>

#include "inc/bundle.h"
#include "inc/error.h"
#include "inc/flags.h"
#include "inc/host_classifier.h"
#include "inc/lite_engine.h"
#include "inc/pipeline.h"
#include "inc/report.h"
#include "inc/results.h"
#include "inc/text.h"

namespace infer {
namespace {

using Clock = std::chrono::steady_clock;

double MsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// The engine lives as long as the models that it loaded.
struct Network {
  std::unique_ptr<Engine> engine;
  std::unique_ptr<Classifier> classifier;
};

Network Load(const Flags &flags) {
  Network network;
  if (flags.device == Device::kHost) {
    network.classifier = MakeHostClassifier(flags.mindir_path, flags.thread_num, flags.budget);
    return network;
  }
  const Bundle bundle = ReadBundle(flags.mindir_path);
  network.engine = MakeLiteEngine(flags.device, flags.device_id, flags.thread_num);
  network.classifier = flags.mode == Mode::kSingle ? MakeSinglePipeline(bundle, network.engine.get())
                                                   : MakeStagePipeline(bundle, network.engine.get(), flags.budget);
  return network;
}

void Run(const Flags &flags) {
  MakeFolder(flags.result_path);
  MakeFolder(flags.time_path);
  const auto start = Clock::now();
  const Network network = Load(flags);
  Classifier *classifier = network.classifier.get();
  const double load_ms = MsSince(start);

  Report report(classifier->plan());
  for (const Image &image : ListImages(flags.dataset_path, classifier->image_bytes(), classifier->image_text())) {
    const Bytes pixels = ReadFile(image.path);
    const auto begin = Clock::now();
    Answer answer;
    try {
      answer = classifier->Classify(pixels);
    } catch (const Error &error) {
      throw Error("image " + image.path + ": " + error.what());
    }
    report.Add(MsSince(begin), answer.choices, answer.bitops);
    WriteAnswer(flags.result_path, image.stem, answer);
  }
  const std::string text = report.Text(flags, load_ms, classifier->steps());
  WriteFile(flags.time_path + "/test_perform_static.txt", text.data(), text.size());
  std::printf("%zu images, %.2f ms each (median), results in %s\n", report.images(), report.median(),
              flags.result_path.c_str());
}

int Fail(const std::string &what, int code) {
  std::fprintf(stderr, "error: %s\n", OneLine(what).c_str());
  return code;
}

int Main(int argc, char **argv) {
  try {
    const Flags flags = ParseFlags({argv + 1, argv + argc});
    if (flags.help) {
      std::fputs(kUsage, stdout);
      return 0;
    }
    if (flags.device != Device::kHost) {
      SilenceLite(argv);
    }
    Run(flags);
    return 0;
  } catch (const UsageError &error) {
    return Fail(error.what(), 2);
  } catch (const std::bad_alloc &) {
    return Fail("out of memory: use smaller images or fewer programs at a time", 1);
  } catch (const std::exception &error) {
    return Fail(error.what(), 1);
  }
}

}  // namespace
}  // namespace infer

int main(int argc, char **argv) { return infer::Main(argc, argv); }

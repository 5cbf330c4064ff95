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

#include <cstdlib>
#include <string>
#include <vector>

#include "check.h"
#include "inc/error.h"
#include "inc/flags.h"
#include "inc/text.h"

namespace {

using infer::ParseFlags;

const char kModel[] = "--mindir_path=m";
const char kData[] = "--dataset_path=d";

void TestDefaults() {
  const infer::Flags flags = ParseFlags({kModel, kData});
  EXPECT(flags.mindir_path == "m" && flags.dataset_path == "d");
  EXPECT(flags.device == infer::Device::kAscend && flags.mode == infer::Mode::kStages);
  EXPECT(flags.device_id == 0 && flags.thread_num == 0 && flags.budget == 0 && !flags.help);
  EXPECT(flags.result_path == "./result_Files" && flags.time_path == "./time_Result");
}

void TestAllGiven() {
  const infer::Flags flags = ParseFlags({kModel, "--dataset_path=a=b c", "--device_type=CPU", "--device_id=3",
                                         "--thread_num=2", "--result_path=r", "--time_path=t", "--mode=single"});
  EXPECT(flags.dataset_path == "a=b c");
  EXPECT(flags.device == infer::Device::kCpu && flags.mode == infer::Mode::kSingle);
  EXPECT(flags.device_id == 3 && flags.thread_num == 2);
  EXPECT(flags.result_path == "r" && flags.time_path == "t");
  EXPECT(infer::NameOf(flags.device) == "CPU" && infer::NameOf(flags.mode) == "single");
}

void TestBudgets() {
  const auto budget = [](const std::string &text) { return ParseFlags({kModel, kData, "--budget=" + text}).budget; };
  EXPECT(budget("250M") == 250e6 && budget("1.2g") == 1.2e9 && budget("3e8") == 3e8 && budget("7k") == 7000);
  for (const char *text : {"0", "-1M", "M", "1e400", "0x10", "nan", "inf", "1 M", "1MM"}) {
    EXPECT_ERROR(std::string("--budget=") + text + ": expected a number above 0", budget(text));
  }
}

void TestHome() {
  setenv("HOME", "/her home", 1);
  const infer::Flags flags =
    ParseFlags({"--mindir_path=~/m", "--dataset_path=~", "--result_path=./~", "--time_path=a~"});
  EXPECT(flags.mindir_path == "/her home/m" && flags.dataset_path == "/her home");
  EXPECT(flags.result_path == "./~" && flags.time_path == "a~");
  EXPECT_ERROR("--mindir_path=~you/m: no such home folder", ParseFlags({"--mindir_path=~you/m"}));
}

void TestHelpWins() {
  EXPECT(ParseFlags({"--help"}).help);
  EXPECT(ParseFlags({kModel, "-h", "--nonsense"}).help);
}

void TestRefused() {
  EXPECT_ERROR("--mindir_path", ParseFlags({kData}));
  EXPECT_ERROR("--dataset_path", ParseFlags({kModel}));
  EXPECT_ERROR("unknown flag --batch=2", ParseFlags({kModel, kData, "--batch=2"}));
  EXPECT_ERROR("unknown flag images", ParseFlags({kModel, "images"}));
  EXPECT_ERROR("--device_id needs a value", ParseFlags({kModel, "--device_id"}));
  EXPECT_ERROR("--device_id needs a value", ParseFlags({kModel, "--device_id="}));
  EXPECT_ERROR("--device_id=-1: allowed are the integers 0 to", ParseFlags({"--device_id=-1"}));
  EXPECT_ERROR("--device_id=0x1", ParseFlags({"--device_id=0x1"}));
  EXPECT_ERROR("--thread_num=257", ParseFlags({"--thread_num=257"}));
  EXPECT_ERROR("--thread_num=99999999999999999999", ParseFlags({"--thread_num=99999999999999999999"}));
  EXPECT_ERROR("allowed are Ascend, CPU, Host", ParseFlags({"--device_type=GPU"}));
  EXPECT_ERROR("allowed are single, stages", ParseFlags({"--mode=both"}));
  EXPECT_ERROR("--mindir_path is given twice", ParseFlags({kModel, kModel}));
  EXPECT_ERROR("one form only", ParseFlags({kModel, kData, "--device_type=Host", "--mode=single"}));
  EXPECT(!Thrown<infer::UsageError>([] { ParseFlags({}); }).empty());
}

}  // namespace

void TestFlags() {
  TestDefaults();
  TestAllGiven();
  TestBudgets();
  TestHome();
  TestHelpWins();
  TestRefused();
}

void TestText() {
  EXPECT(infer::ToInteger("-12") == -12);
  EXPECT(infer::ToInteger("9223372036854775807") == INT64_MAX);
  for (const char *text : {"", " 1", "1 ", "+1", "1.0", "0x1", "9223372036854775808"}) {
    EXPECT(!infer::ToInteger(text));
  }
  EXPECT(infer::Trimmed(" \ta b\r\n") == "a b" && infer::Trimmed(" ").empty());
  EXPECT((infer::Words(" a  b\tc ") == std::vector<std::string>{"a", "b", "c"}));
  EXPECT(infer::OneLine("a\nb\x1b[0m\n") == "a b [0m");
  EXPECT(infer::Format("%d %s", 7, "x") == "7 x");
}

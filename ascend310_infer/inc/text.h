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
// text.h: small helpers for text that people write: flags and bundle.cfg.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace infer {

// The decimal integer that the whole text is, if it is one and fits.
std::optional<int64_t> ToInteger(const std::string &text);

// The finite decimal number that the whole text is, if it is one.
std::optional<double> ToNumber(const std::string &text);

std::string Trimmed(const std::string &text);

// The words between blanks.
std::vector<std::string> Words(const std::string &text);

// All on one line, so that an error stays one line whatever a library or a file had to say.
std::string OneLine(const std::string &text);

// printf into a string.
std::string Format(const char *format, ...) __attribute__((format(printf, 1, 2)));

}  // namespace infer

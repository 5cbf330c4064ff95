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
// host_classifier.h: the integer artefact on this machine's processor, by the project's own core.
#pragma once
#include <memory>
#include <string>

#include "inc/classifier.h"

namespace infer {

// path: the artefact, or a folder with model.safetensors. threads: 0 for all cores. budget: BitOPs, a mean
// over images, that it escalates within; 0: where its controller does not look at the image, and its
// notes hold a ladder, in the ladder's usual row. Throws Error.
std::unique_ptr<Classifier> MakeHostClassifier(const std::string &path, int threads, double budget);

}  // namespace infer

# Copyright 2026 The Dynamic Quantization for MindSpore Authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""Other runtimes, ready to answer images, from the ONNX files of our own exporter.

onnxruntime and openvino read them; litert gets a flatbuffer made of the same nodes (litert_file.py), torch
a module made of the float ones, which it quantises itself (infer_torch.py). OpenVINO's own default on some
machines is bfloat16 for float files; it is told to keep float32.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from src.bench.images import as_real, random_pixels
from src.bench.infer_case import InferCase
from src.bench.runner import Runner
from src.errors import UserError

UNLIMITED = ("onnxruntime", "litert")
# What answers the images, a version, and when the file began to be loaded (None: it is converted as well).
Loaded = tuple[Callable, str, float | None]


def build_peer(case: InferCase) -> Runner:
    """A runtime on the file of a case.

    Raises:
        UserError: the runtime is not installed for this Python, or cannot be limited to instructions.
    """
    if case.isa and case.runner in UNLIMITED:
        raise UserError(f"{case.runner} takes the best instructions there are: --isa {case.isa} cannot limit it")
    images = as_real(random_pixels(case.batch, case.image_size))
    build = {
        "onnxruntime": _onnxruntime, "openvino": _openvino, "litert": _litert, "torch": _torch,
    }[case.runner]  # fmt: skip
    try:
        answer, version, begun = build(case, images)
        logits = answer()[0].tolist()
        answered = time.perf_counter()
    except ImportError as error:
        raise UserError(
            f"{error} for {sys.executable}: install it there with pip install -r requirements-peers.txt, or name "
            "a Python that has it with --peer-python or DYNQUANT_PEER_PYTHON"
        ) from error
    about = {"isa": case.isa, "threads": case.threads, "version": version, "logits": logits}
    if begun is not None:
        about["start_ms"] = 1e3 * (answered - begun)
    return Runner(lambda: float(answer()[0, 0]), about)


def _onnxruntime(case: InferCase, images: np.ndarray) -> Loaded:
    import onnxruntime

    begun = time.perf_counter()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = case.threads, 1
    # Threads that spin between runs would take the cores of those whose turn it is.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    session = onnxruntime.InferenceSession(case.file, options, providers=["CPUExecutionProvider"])
    feed = {"image": images}
    return lambda: session.run(None, feed)[0], f"onnxruntime {onnxruntime.__version__}", begun


def _openvino(case: InferCase, images: np.ndarray) -> Loaded:
    import openvino

    begun = time.perf_counter()
    settings = {
        "INFERENCE_NUM_THREADS": case.threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }  # fmt: skip
    request = openvino.Core().compile_model(case.file, "CPU", settings).create_infer_request()
    # In memory of its own: on some processors it reads past the end of what others hold, and ends there.
    request.get_input_tensor().data[:] = images

    def answer() -> np.ndarray:
        request.infer()
        return request.get_output_tensor().data

    return answer, f"openvino {openvino.__version__.split('-')[0]}", begun


def _litert(case: InferCase, images: np.ndarray) -> Loaded:
    from importlib.metadata import version

    from ai_edge_litert.interpreter import Interpreter

    from src.bench.litert_file import to_litert

    content = to_litert(Path(case.file))
    begun = time.perf_counter()
    interpreter = Interpreter(model_content=content, num_threads=case.threads)
    interpreter.allocate_tensors()
    (given,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()
    channels_last = np.ascontiguousarray(images.transpose(0, 2, 3, 1))

    def answer() -> np.ndarray:
        interpreter.set_tensor(given["index"], channels_last)
        interpreter.invoke()
        return interpreter.get_tensor(made["index"])

    return answer, f"ai-edge-litert {version('ai-edge-litert')}", begun


def _torch(case: InferCase, images: np.ndarray) -> Loaded:
    from src.bench.infer_torch import torch_answer

    return *torch_answer(case, images), None

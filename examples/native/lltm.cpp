// The cell of PyTorch's tutorial on C++ extensions: an LSTM without a forget gate, with an ELU.
#include <torch/extension.h>

#include <vector>

struct Gates {
  at::Tensor x, input, output, z, candidate;
};

static Gates gates(const at::Tensor& input, const at::Tensor& weights, const at::Tensor& bias, const at::Tensor& old_h) {
  auto x = at::cat({old_h, input}, 1);
  auto parts = at::addmm(bias, x, weights.t()).chunk(3, 1);
  return {x, parts[0].sigmoid(), parts[1].sigmoid(), parts[2], at::elu(parts[2])};
}

std::vector<at::Tensor> lltm_forward(
    const at::Tensor& input, const at::Tensor& weights, const at::Tensor& bias, const at::Tensor& old_h,
    const at::Tensor& old_cell) {
  auto gate = gates(input, weights, bias, old_h);
  auto new_cell = old_cell + gate.candidate * gate.input;
  return {new_cell.tanh() * gate.output, new_cell};
}

std::vector<at::Tensor> lltm_backward(
    const at::Tensor& grad_h, const at::Tensor& grad_cell, const at::Tensor& input, const at::Tensor& weights,
    const at::Tensor& bias, const at::Tensor& old_h, const at::Tensor& old_cell) {
  auto gate = gates(input, weights, bias, old_h);
  auto tanh = (old_cell + gate.candidate * gate.input).tanh();
  auto d_cell = grad_cell + grad_h * gate.output * (1 - tanh * tanh);
  auto d_gates = at::cat(
      {d_cell * gate.candidate * gate.input * (1 - gate.input), grad_h * tanh * gate.output * (1 - gate.output),
       d_cell * gate.input * at::where(gate.z > 0, at::ones_like(gate.z), gate.z.exp())},
      1);
  auto d_x = d_gates.mm(weights);
  auto size = old_h.size(1);
  return {d_x.narrow(1, size, input.size(1)), d_gates.t().mm(gate.x), d_gates.sum(0), d_x.narrow(1, 0, size), d_cell};
}

PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {
  m.def("lltm_forward", torch::wrap_pybind_function_no_gil(lltm_forward));
  m.def("lltm_backward", torch::wrap_pybind_function_no_gil(lltm_backward));
}

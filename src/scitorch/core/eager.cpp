// What autograd records of an operator's call in eager code, in place of PyTorch's machinery for Functions in Python.
//
// `scitorch compile` compiles it against the torch that is installed; without it core/eager.py's Function does the same.

#include <torch/csrc/Exceptions.h>
#include <ATen/PythonTorchFunctionTLS.h>
#include <ATen/autocast_mode.h>
#include <c10/core/impl/TorchDispatchModeTLS.h>
#include <torch/csrc/Dtype.h>
#include <torch/csrc/DynamicTypes.h>
#include <torch/csrc/PyInterpreter.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/python_variable.h>
#include <torch/csrc/autograd/saved_variable.h>
#include <torch/csrc/dynamo/compiled_autograd.h>
#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/csrc/utils/object_ptr.h>

#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using torch::autograd::Edge;
using torch::autograd::Node;
using torch::autograd::SavedVariable;
using torch::autograd::variable_list;
using NodePointer = decltype(Edge::function);  // a shared_ptr before torch 2.13, an intrusive_ptr since

c10::SafePyObject held(PyObject* object) {
  Py_INCREF(object);
  return {object, getPyInterpreter()};
}

// An operator's functions in Python.
struct Operator {
  std::string name;
  c10::SafePyObject sizing;   // values -> those that shapes depend on
  c10::SafePyObject plan_of;  // (sizes, shape, dtype, shape, dtype, …) -> plan
  c10::SafePyObject run;      // (plan, values, arrays) -> outputs
  c10::SafePyObject kept;     // (plan, values, needed, inputs, outputs) -> (record, tensors to save)
  c10::SafePyObject pull;     // (record, saved tensors, incoming gradients) -> gradients of the inputs
  c10::SafePyObject number;   // record -> a number of its own
  c10::SafePyObject forward;  // ((plan, values, arrays), *inputs) -> outputs with their tangents
};

// What all operators share.
struct Shared {
  PyObject *modes, *lend, *forward_mode;  // core/modes.py, and functions of it and of core/border.py
  PyObject *plain, *ready, *shape, *partial;  // names of attributes
} shared;

[[noreturn]] void throw_python_error() {
  python_error error;
  error.persist();
  throw std::move(error);
}

THPObjectPtr tuple_of(variable_list&& tensors) {
  THPObjectPtr tuple(PyTuple_New(static_cast<Py_ssize_t>(tensors.size())));
  if (!tuple) throw_python_error();
  for (size_t k = 0; k < tensors.size(); ++k) {
    PyTuple_SET_ITEM(tuple.get(), k, THPVariable_Wrap(std::move(tensors[k])));
  }
  return tuple;
}

variable_list pulled(const Operator& op, const c10::SafePyObject& record, variable_list&& saved, variable_list&& grads) {
  auto* interpreter = getPyInterpreter();
  THPObjectPtr tensors = tuple_of(std::move(saved)), incoming = tuple_of(std::move(grads));
  PyObject* arguments[] = {record.ptr(interpreter), tensors.get(), incoming.get()};
  THPObjectPtr list(PyObject_Vectorcall(op.pull.ptr(interpreter), arguments, 3, nullptr));
  if (!list) throw_python_error();
  variable_list gradients(PyList_GET_SIZE(list.get()));
  for (size_t k = 0; k < gradients.size(); ++k) {
    PyObject* gradient = PyList_GET_ITEM(list.get(), k);
    if (gradient != Py_None) gradients[k] = THPVariable_Unpack(gradient);
  }
  return gradients;
}

// The incoming gradient times the conjugate of a partial derivative, in the latter's memory where it is PyTorch's and
// nobody else has it: new memory of some megabytes takes as long as the product. Memory that isn't resizable may be an
// array's that somebody keeps.
at::Tensor product(const at::Tensor& g, PyObject* partial) {
  const auto& factor = THPVariable_Unpack(partial);
  const bool alone = Py_REFCNT(partial) == 1 && factor.use_count() == 1 && factor.storage().use_count() == 1;
  const bool constant = !at::GradMode::is_enabled() && !factor.requires_grad();
  const bool whole = factor.storage().resizable() && factor.is_non_overlapping_and_dense() && !factor.is_complex();
  return alone && constant && whole && factor.key_set() == g.key_set() ? factor.mul_(g) : g * factor.conj();
}

// What `pull` would give where it is but an incoming gradient times a partial derivative (core/rules.py, `Saved`), in
// the dtype and of the shape of both; undefined where there is more to it.
at::Tensor weighted(PyObject* partial, const variable_list& saved, const at::Tensor& g) {
  if (!g.defined() || at::impl::torch_function_mode_enabled()) return {};
  if (at::autocast::is_autocast_enabled(g.device().type())) return {};
  PyObject* places = PyTuple_GET_ITEM(partial, 1);
  const auto count = PyTuple_GET_SIZE(places);
  variable_list chosen;
  for (Py_ssize_t k = 0; k < count; ++k) chosen.push_back(saved[PyLong_AsSsize_t(PyTuple_GET_ITEM(places, k))]);
  THPObjectPtr arguments = tuple_of(std::move(chosen));
  THPObjectPtr factor(PyObject_CallObject(PyTuple_GET_ITEM(partial, 0), arguments));
  if (!factor) throw_python_error();
  if (!THPVariable_CheckExact(factor)) return {};
  const auto& tensor = THPVariable_Unpack(factor.get());
  if (tensor.sizes() != g.sizes() || tensor.scalar_type() != g.scalar_type()) return {};
  return product(g, factor);
}

struct Recorded : Node {
  Recorded(std::shared_ptr<Operator> of, c10::SafePyObject what, torch::autograd::edge_list&& edges)
      : Node(std::move(edges)), op(std::move(of)), record(std::move(what)) {}

  std::string name() const override { return op->name + "Backward"; }

  variable_list apply(variable_list&& grads) override {
    pybind11::gil_scoped_acquire gil;
    variable_list tensors = unpacked();
    if (partial) {
      at::Tensor gradient = weighted(partial->ptr(getPyInterpreter()), tensors, grads[0]);
      if (gradient.defined()) {
        variable_list gradients(num_outputs());
        gradients[place] = std::move(gradient);
        return gradients;
      }
    }
    return pulled(*op, record, std::move(tensors), std::move(grads));
  }

  // Take the short way back if the only input that needs a gradient is like the output.
  void shorten(PyObject* inputs, const at::Tensor& output) {
    auto* interpreter = getPyInterpreter();
    THPObjectPtr found(PyObject_GetAttr(PyTuple_GET_ITEM(record.ptr(interpreter), 3), shared.partial));
    if (!found) throw_python_error();
    if (found.get() == Py_None) return;
    while (!next_edge(place).is_valid()) ++place;
    const auto& input = THPVariable_Unpack(PySequence_Fast_GET_ITEM(inputs, place));
    const bool alike = input.sizes() == output.sizes() && input.scalar_type() == output.scalar_type();
    if (alike && input.numel()) partial.emplace(held(found));
  }

  void release_variables() override {
    if (!Py_IsInitialized()) return;  // a graph may outlive the interpreter
    pybind11::gil_scoped_acquire gil;
    saved.clear();
    released = true;
  }

  // For compiled autograd, to which this is a function that it can't look into, of the saved tensors.
  void compiled_args(torch::autograd::CompiledNodeArgs& args) const override {
    pybind11::gil_scoped_acquire gil;
    auto* interpreter = getPyInterpreter();
    THPObjectPtr number(PyObject_CallOneArg(op->number.ptr(interpreter), record.ptr(interpreter)));
    if (!number) throw_python_error();
    args.collect(static_cast<uint64_t>(PyLong_AsUnsignedLongLong(number)));
    args.collect(released);
    args.collect(saved, true);
  }

  variable_list apply_with_saved(const variable_list& grads, torch::autograd::SwapSavedVariables& swap) override {
    swap.before(saved);
    torch::dynamo::autograd::PackedArgs packed;
    variable_list tensors = unpacked();
    packed.pack(tensors);
    auto arguments = std::move(packed).vec();
    auto function = [op = op, record = held(record.ptr(getPyInterpreter()))](
                        const variable_list& grads, const std::vector<c10::IValue>& arguments) {
      pybind11::gil_scoped_acquire gil;
      torch::dynamo::autograd::PackedArgs packed(arguments);
      return pulled(*op, record, packed.unpack<variable_list>(), variable_list(grads));
    };
    using Metadata = std::vector<std::optional<torch::autograd::InputMetadata>>;
    auto metadata = torch::dynamo::autograd::IValuePacker<Metadata>::pack(
        torch::dynamo::autograd::get_input_metadata(next_edges()));
    const auto& compiler = torch::dynamo::autograd::getPyCompilerInterface();
    std::vector<at::TypePtr> schema;
    for (const auto& argument : arguments) schema.push_back(argument.type());
    const auto bound = compiler->bind_function(swap.get_py_compiler(), name(), function, schema, true, false);
    auto gradients =
        compiler->call_function(swap.get_py_compiler(), "apply_functional", bound, grads, arguments, metadata);
    swap.after(saved);
    return gradients;
  }

  variable_list unpacked() {
    TORCH_CHECK(!released, torch::autograd::ERR_BACKWARD_TWICE);
    variable_list tensors;
    tensors.reserve(saved.size());
    for (const auto& variable : saved) tensors.push_back(variable.unpack(getptr()));
    return tensors;
  }

  std::shared_ptr<Operator> op;
  c10::SafePyObject record;
  std::vector<SavedVariable> saved;
  std::optional<c10::SafePyObject> partial;
  size_t place = 0;  // of the input that `partial` is for
  bool released = false;
};

template <class Pointer, class... Arguments>
Pointer made(Arguments&&... arguments) {
  if constexpr (std::is_same_v<Pointer, std::shared_ptr<Node>>) {
    auto free = [](auto* node) { deleteNode(node); };  // without recursion, however deep the graph
    return Pointer(new Recorded(std::forward<Arguments>(arguments)...), free);
  } else {
    return c10::make_intrusive<Recorded>(std::forward<Arguments>(arguments)...);
  }
}

const at::Tensor* tensor_of(PyObject* object) {
  return object == Py_None ? nullptr : &THPVariable_Unpack(object);
}

// Which inputs need a gradient, as a tuple of bools, and the edges to where they come from.
PyObject* needed_of(PyObject* inputs, torch::autograd::edge_list& edges) {
  const auto count = PySequence_Fast_GET_SIZE(inputs);
  THPObjectPtr needed(PyTuple_New(count));
  if (!needed) return nullptr;
  edges.resize(count);
  for (Py_ssize_t k = 0; k < count; ++k) {
    const auto* tensor = tensor_of(PySequence_Fast_GET_ITEM(inputs, k));
    const bool needs = tensor && tensor->requires_grad();
    if (needs) edges[k] = torch::autograd::impl::gradient_edge(*tensor);
    PyTuple_SET_ITEM(needed.get(), k, PyBool_FromLong(needs));
  }
  return needed.release();
}

void record_output(const at::Tensor& output, const NodePointer& node) {
  if (torch::autograd::isDifferentiableType(output.scalar_type())) {
    torch::autograd::set_history(output, node);
  } else {
    node->add_input_metadata(Node::undefined_input());
  }
}

// The outputs of a call, recorded in the graph.
PyObject* record(const std::shared_ptr<Operator>& op, PyObject* plan, PyObject* values, PyObject* arrays, PyObject* inputs) {
  auto* interpreter = getPyInterpreter();
  THPObjectPtr outputs;
  {
    RECORD_FUNCTION(op->name, c10::ArrayRef<const c10::IValue>{}, static_cast<int64_t>(at::sequence_number::peek()));
    at::AutoGradMode no_grad(false);
    at::AutoFwGradMode no_forward_grad(false);
    PyObject* arguments[] = {plan, values, arrays};
    outputs = PyObject_Vectorcall(op->run.ptr(interpreter), arguments, 3, nullptr);
    if (!outputs) return nullptr;
  }
  torch::autograd::edge_list edges;
  THPObjectPtr needed(needed_of(inputs, edges));
  if (!needed) return nullptr;
  PyObject* arguments[] = {plan, values, needed.get(), inputs, outputs.get()};
  THPObjectPtr both(PyObject_Vectorcall(op->kept.ptr(interpreter), arguments, 5, nullptr));
  if (!both) return nullptr;

  auto node = made<NodePointer>(op, held(PyTuple_GET_ITEM(both.get(), 0)), std::move(edges));
  const bool several = PyTuple_Check(outputs.get());
  for (Py_ssize_t k = 0, count = several ? PyTuple_GET_SIZE(outputs.get()) : 1; k < count; ++k) {
    record_output(THPVariable_Unpack(several ? PyTuple_GET_ITEM(outputs.get(), k) : outputs.get()), node);
  }
  auto* recorded = static_cast<Recorded*>(node.get());
  if (!several) recorded->shorten(inputs, THPVariable_Unpack(outputs.get()));
  auto& saved = recorded->saved;
  PyObject* tensors = PyTuple_GET_ITEM(both.get(), 1);
  for (Py_ssize_t k = 0, count = PyList_GET_SIZE(tensors); k < count; ++k) {
    const auto* tensor = tensor_of(PyList_GET_ITEM(tensors, k));
    const bool is_output = tensor && torch::autograd::impl::grad_fn_unsafe(*tensor) == node.get();
    saved.emplace_back(tensor ? *tensor : at::Tensor(), is_output);
  }
  return outputs.release();
}

// The outputs in forward mode.
PyObject* push(const Operator& op, PyObject* plan, PyObject* values, PyObject* arrays, PyObject* inputs) {
  THPObjectPtr call(PyTuple_Pack(3, plan, values, arrays));
  THPObjectPtr first(call ? PyTuple_Pack(1, call.get()) : nullptr);
  THPObjectPtr rest(PySequence_Tuple(inputs));
  THPObjectPtr arguments(first && rest ? PySequence_Concat(first, rest) : nullptr);
  return arguments ? PyObject_Call(op.forward.ptr(getPyInterpreter()), arguments, nullptr) : nullptr;
}

// Whether nothing looks on: `modes.eager`, of which each call would take 0.15 µs longer in Python.
bool eager() {
  const auto included = c10::impl::tls_local_dispatch_key_set().included_;
  return !(
      included.has(c10::DispatchKey::FuncTorchDynamicLayerFrontMode) ||
      included.has(c10::DispatchKey::FuncTorchDynamicLayerBackMode) || included.has(c10::DispatchKey::PreDispatch) ||
      c10::impl::TorchDispatchModeTLS::any_modes_set() || at::impl::torch_function_mode_enabled() ||
      torch::jit::tracer::isTracing());
}

// The plan's key of inputs that are all ordinary tensors or None; null without an error if they aren't.
PyObject* key_of(const Operator& op, PyObject* inputs, PyObject* values, bool& needs_gradient) {
  THPObjectPtr plain(PyObject_GetAttr(shared.modes, shared.plain));
  if (!plain) return nullptr;
  const auto keys = PyLong_AsUnsignedLongLongMask(plain);
  const auto count = PySequence_Fast_GET_SIZE(inputs);
  THPObjectPtr key(PyTuple_New(1 + 2 * count));
  if (!key) return nullptr;
  for (Py_ssize_t k = 0; k < count; ++k) {
    PyObject* input = PySequence_Fast_GET_ITEM(inputs, k);
    PyObject *shape = nullptr, *dtype = nullptr;
    if (input == Py_None) {
      shape = Py_NewRef(Py_None);
      dtype = Py_NewRef(Py_None);
    } else {
      if (!THPVariable_CheckExact(input)) return nullptr;
      const auto& tensor = THPVariable_Unpack(input);
      if (tensor.key_set().raw_repr() != keys) return nullptr;
      needs_gradient |= tensor.requires_grad();
      shape = PyObject_GetAttr(input, shared.shape);
      dtype = Py_NewRef(reinterpret_cast<PyObject*>(torch::getTHPDtype(tensor.scalar_type())));
    }
    PyTuple_SET_ITEM(key.get(), 1 + 2 * k, shape);
    PyTuple_SET_ITEM(key.get(), 2 + 2 * k, dtype);
    if (!shape) return nullptr;
  }
  auto* sizing = op.sizing.ptr(getPyInterpreter());
  PyObject* sizes = PyTuple_GET_SIZE(values) ? PyObject_CallOneArg(sizing, values) : Py_NewRef(values);
  PyTuple_SET_ITEM(key.get(), 0, sizes);
  return sizes ? key.release() : nullptr;
}

// The result, or NotImplemented where the arguments must be prepared first or the dispatcher is needed.
PyObject* straight(const std::shared_ptr<Operator>& op, PyObject* inputs, PyObject* values) {
  auto* interpreter = getPyInterpreter();
  if (!eager()) return Py_NewRef(Py_NotImplemented);
  bool needs_gradient = false;
  THPObjectPtr key(key_of(*op, inputs, values, needs_gradient));
  if (!key) return PyErr_Occurred() ? nullptr : Py_NewRef(Py_NotImplemented);
  THPObjectPtr plan(PyObject_CallObject(op->plan_of.ptr(interpreter), key));
  if (!plan) return nullptr;
  THPObjectPtr ready(PyObject_GetAttr(plan, shared.ready));
  if (ready.get() != Py_True) return ready ? Py_NewRef(Py_NotImplemented) : nullptr;
  const auto count = PySequence_Fast_GET_SIZE(inputs);
  THPObjectPtr arrays(PyList_New(count));
  if (!arrays) return nullptr;
  for (Py_ssize_t k = 0; k < count; ++k) {
    PyObject* input = PySequence_Fast_GET_ITEM(inputs, k);
    PyObject* array = input == Py_None ? Py_NewRef(Py_None) : PyObject_CallOneArg(shared.lend, input);
    if (!array) return nullptr;
    PyList_SET_ITEM(arrays.get(), k, array);
  }
  THPObjectPtr forward(PyObject_CallNoArgs(shared.forward_mode));
  if (!forward) return nullptr;
  if (forward.get() == Py_True) return push(*op, plan, values, arrays, inputs);
  if (needs_gradient && at::GradMode::is_enabled()) return record(op, plan, values, arrays, inputs);
  PyObject* arguments[] = {plan, values, arrays};
  return PyObject_Vectorcall(op->run.ptr(interpreter), arguments, 3, nullptr);
}

constexpr const char* CAPSULE = "scitorch.Operator";

std::shared_ptr<Operator>& operator_of(PyObject* capsule) {
  return *static_cast<std::shared_ptr<Operator>*>(PyCapsule_GetPointer(capsule, CAPSULE));
}

PyObject* call(PyObject* self, PyObject* const* arguments, Py_ssize_t count) {
  HANDLE_TH_ERRORS
  TORCH_CHECK_TYPE(count == 2 && PyTuple_Check(arguments[1]), "expected tensors and a tuple of values");
  return straight(operator_of(self), arguments[0], arguments[1]);
  END_HANDLE_TH_ERRORS
}

PyMethodDef call_definition = {
    "straight", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(call)), METH_FASTCALL, nullptr};

// The function (inputs, values) -> result of an operator, made of its name and its functions in Python.
PyObject* make_straight(PyObject*, PyObject* arguments) {
  HANDLE_TH_ERRORS
  const char* name = nullptr;
  PyObject *sizing, *plan_of, *run, *kept, *pull, *number, *forward;
  if (!PyArg_ParseTuple(
          arguments, "sOOOOOOO", &name, &sizing, &plan_of, &run, &kept, &pull, &number, &forward)) {
    return nullptr;
  }
  auto op = std::make_unique<std::shared_ptr<Operator>>(new Operator{
      name, held(sizing), held(plan_of), held(run), held(kept), held(pull), held(number), held(forward)});
  THPObjectPtr capsule(PyCapsule_New(op.get(), CAPSULE, [](PyObject* self) { delete &operator_of(self); }));
  if (!capsule) return nullptr;
  op.release();
  return PyCFunction_New(&call_definition, capsule.get());
  END_HANDLE_TH_ERRORS
}

// set_up(modes, lend): what all operators share.
PyObject* set_up(PyObject*, PyObject* arguments) {
  auto& s = shared;
  if (!PyArg_ParseTuple(arguments, "OO", &s.modes, &s.lend)) return nullptr;
  Py_INCREF(s.modes);
  Py_INCREF(s.lend);
  s.plain = PyUnicode_InternFromString("PLAIN");
  s.ready = PyUnicode_InternFromString("ready");
  s.shape = PyUnicode_InternFromString("shape");
  s.partial = PyUnicode_InternFromString("partial");
  s.forward_mode = PyObject_GetAttrString(s.modes, "forward_mode");
  if (!s.plain || !s.ready || !s.shape || !s.partial || !s.forward_mode) return nullptr;
  Py_RETURN_NONE;
}

PyMethodDef functions[] = {
    {"make_straight", make_straight, METH_VARARGS, nullptr},
    {"set_up", set_up, METH_VARARGS, nullptr},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

#define CONCATENATED(a, b) a##b
#define INIT(name) CONCATENATED(PyInit_, name)

PyMODINIT_FUNC INIT(TORCH_EXTENSION_NAME)() {
  static PyModuleDef definition = {PyModuleDef_HEAD_INIT, "node", nullptr, -1, functions};
  return PyModule_Create(&definition);
}

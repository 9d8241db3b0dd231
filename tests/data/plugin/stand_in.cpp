// A pass plugin with the names of Enzyme's passes and none of its calculus: the pass `enzyme` lets each function that calls one whose name
// begins with `__enzyme_` return the number ANSWER. A test that finds the number knows which plugin has run.

#include <llvm/IR/Constants.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Module.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Passes/PassPlugin.h>
#include <llvm/Support/CommandLine.h>

using namespace llvm;

namespace {

// Those of Enzyme's options that are given to every plugin.
cl::opt<bool> rematerialize("enzyme-rematerialize"), aliasing("enzyme-strict-aliasing"), types("enzyme-loose-types");

struct Answer : PassInfoMixin<Answer> {
  PreservedAnalyses run(Module &module, ModuleAnalysisManager &) {
    SmallVector<CallInst *, 4> calls;
    for (Function &function : module)
      for (Instruction &instruction : instructions(function))
        if (auto *call = dyn_cast<CallInst>(&instruction))
          if (call->getCalledFunction() && call->getCalledFunction()->getName().startswith("__enzyme_"))
            calls.push_back(call);
    for (CallInst *call : calls) {
      for (Instruction &instruction : instructions(call->getFunction()))
        if (auto *end = dyn_cast<ReturnInst>(&instruction))
          if (end->getReturnValue() && end->getReturnValue()->getType()->isDoubleTy())
            end->setOperand(0, ConstantFP::get(end->getReturnValue()->getType(), ANSWER));
      if (!call->getType()->isVoidTy())
        call->replaceAllUsesWith(PoisonValue::get(call->getType()));
      call->eraseFromParent();
    }
    return PreservedAnalyses::none();
  }
};

struct Nothing : PassInfoMixin<Nothing> {
  PreservedAnalyses run(Module &, ModuleAnalysisManager &) { return PreservedAnalyses::all(); }
};

bool parse(StringRef name, ModulePassManager &manager, ArrayRef<PassBuilder::PipelineElement>) {
  if (name == "enzyme")
    manager.addPass(Answer());
  else if (name == "preserve-nvvm")
    manager.addPass(Nothing());
  else
    return false;
  return true;
}

} // namespace

extern "C" LLVM_ATTRIBUTE_WEAK PassPluginLibraryInfo llvmGetPassPluginInfo() {
  return {LLVM_PLUGIN_API_VERSION, "stand-in", "1", [](PassBuilder &builder) { builder.registerPipelineParsingCallback(parse); }};
}

// RUN: winnow-opt %s --convert-scf-to-cf --winnow-lower-to-llvm --allow-unregistered-dialect --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: llvm.func @intrinsics_before_libm
// CHECK: llvm.intr.sqrt
// CHECK: llvm.intr.roundeven
// CHECK: llvm.call @erff
func.func @intrinsics_before_libm(%x: f32) -> f32 {
  %a = math.sqrt %x : f32
  %b = math.roundeven %a : f32
  %c = math.erf %b : f32
  return %c : f32
}

// -----

// CHECK-LABEL: llvm.func @bfloat16_needs_no_runtime
// CHECK-NOT: llvm.fptrunc
// CHECK: llvm.return
func.func @bfloat16_needs_no_runtime(%x: f32) -> bf16 {
  %a = arith.truncf %x : f32 to bf16
  return %a : bf16
}

// CHECK-LABEL: llvm.func @bfloat16_of_a_double
// CHECK: llvm.fptrunc %{{.*}} : f64 to f32
// CHECK-NOT: llvm.fptrunc
func.func @bfloat16_of_a_double(%x: f64) -> bf16 {
  %a = arith.truncf %x : f64 to bf16
  return %a : bf16
}

// CHECK-LABEL: llvm.func @bfloat16_of_an_integer
// CHECK: llvm.uitofp %{{.*}} : i1 to f32
func.func @bfloat16_of_an_integer(%x: i1) -> bf16 {
  %a = arith.uitofp %x : i1 to bf16
  return %a : bf16
}

// -----

// CHECK-LABEL: llvm.func @dense_copy_is_memcpy
// CHECK: "llvm.intr.memcpy"
func.func @dense_copy_is_memcpy(%x: memref<4xf32>, %y: memref<4xf32>) {
  memref.copy %x, %y : memref<4xf32> to memref<4xf32>
  return
}

// -----

// expected-error@+1 {{generated code may not call 'malloc'}}
module {
func.func @heap_is_refused() -> memref<4xf32> {
  %x = memref.alloc() : memref<4xf32>
  return %x : memref<4xf32>
}
}

// -----

func.func @foreign_op_is_refused(%n: index) {
  // expected-error@+1 {{cannot lower 'tensor.empty' to LLVM; it is not part of the codegen contract}}
  %x = tensor.empty(%n) : tensor<?xf32>
  "test.use"(%x) : (tensor<?xf32>) -> ()
  return
}

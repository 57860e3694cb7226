// What the emulated chip refuses.
// RUN: not winnow-gpu-emulate %s 2>&1 | FileCheck %s

module attributes {winnow.device_kernels = ["race", "bounds", "early", "half"]} {
gpu.module @device {
llvm.mlir.global external @shared() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<0 x i8>

// Threads i and i ^ 32 write the same word, with no barrier between them.
llvm.func @race(%x: !llvm.ptr) attributes {nvvm.kernel} {
  %shared = llvm.mlir.addressof @shared : !llvm.ptr<3>
  %thread = nvvm.read.ptx.sreg.tid.x : i32
  %c4 = arith.constant 4 : i32
  %c32 = arith.constant 32 : i32
  %own = arith.muli %thread, %c4 : i32
  %other = arith.xori %thread, %c32 : i32
  %its = arith.muli %other, %c4 : i32
  %to = llvm.getelementptr %shared[%own] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
  %from = llvm.getelementptr %shared[%its] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
  llvm.store %thread, %to : i32, !llvm.ptr<3>
  llvm.store %thread, %from : i32, !llvm.ptr<3>
  llvm.return
}

llvm.func @bounds(%x: !llvm.ptr) attributes {nvvm.kernel} {
  %thread = nvvm.read.ptx.sreg.tid.x : i32
  %at = llvm.getelementptr %x[%thread] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  %y = llvm.load %at : !llvm.ptr -> f32
  llvm.store %y, %at : f32, !llvm.ptr
  llvm.return
}

// Reads a copy that it has not waited for.
llvm.func @early(%x: !llvm.ptr) attributes {nvvm.kernel} {
  %shared = llvm.mlir.addressof @shared : !llvm.ptr<3>
  %thread = nvvm.read.ptx.sreg.tid.x : i32
  %c4 = arith.constant 4 : i32
  %own = arith.muli %thread, %c4 : i32
  %to = llvm.getelementptr %shared[%own] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
  %from = llvm.addrspacecast %x : !llvm.ptr to !llvm.ptr<1>
  nvvm.cp.async.shared.global %to, %from, 4, cache = ca : !llvm.ptr<3>, !llvm.ptr<1>
  nvvm.cp.async.commit.group
  nvvm.cp.async.wait.group 1
  %y = llvm.load %to : !llvm.ptr<3> -> f32
  llvm.return
}

// Some warps do not come to the barrier.
llvm.func @half(%x: !llvm.ptr) attributes {nvvm.kernel} {
  %thread = nvvm.read.ptx.sreg.tid.x : i32
  %c32 = arith.constant 32 : i32
  %few = arith.cmpi ult, %thread, %c32 : i32
  scf.if %few {
    nvvm.barrier0
  }
  llvm.return
}
}

func.func private @winnow_rt_launch(i32, i64, i64, i64, i32, i32, i32, i32, !llvm.ptr)

// CHECK: byte {{[0-9]+}} of shared memory is written by threads
func.func private @run_race(%x: memref<60xf32>) attributes {winnow.kernel = {kind = "none"}, test.shapes = [[[60]]]} {
  %number = arith.constant 0 : i32
  %one = llvm.mlir.constant(1 : i64) : i64
  %blocks = arith.constant 1 : i64
  %threads = arith.constant 64 : i32
  %c1 = arith.constant 1 : i32
  %bytes = arith.constant 256 : i32
  %slot = llvm.alloca %one x !llvm.ptr : (i64) -> !llvm.ptr
  %table = llvm.alloca %one x !llvm.ptr : (i64) -> !llvm.ptr
  %d = builtin.unrealized_conversion_cast %x : memref<60xf32> to !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)>
  %p = llvm.extractvalue %d[1] : !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)>
  llvm.store %p, %slot : !llvm.ptr, !llvm.ptr
  llvm.store %slot, %table : !llvm.ptr, !llvm.ptr
  func.call @winnow_rt_launch(%number, %blocks, %blocks, %blocks, %threads, %c1, %c1, %bytes, %table) : (i32, i64, i64, i64, i32, i32, i32, i32, !llvm.ptr) -> ()
  return
}

// CHECK: bytes 240 to 243 of a buffer of 240
func.func private @run_bounds(%x: memref<60xf32>) attributes {winnow.kernel = {kind = "none"}, test.shapes = [[[60]]]} {
  %number = arith.constant 1 : i32
  %one = llvm.mlir.constant(1 : i64) : i64
  %blocks = arith.constant 1 : i64
  %threads = arith.constant 64 : i32
  %c1 = arith.constant 1 : i32
  %bytes = arith.constant 256 : i32
  %slot = llvm.alloca %one x !llvm.ptr : (i64) -> !llvm.ptr
  %table = llvm.alloca %one x !llvm.ptr : (i64) -> !llvm.ptr
  %d = builtin.unrealized_conversion_cast %x : memref<60xf32> to !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)>
  %p = llvm.extractvalue %d[1] : !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)>
  llvm.store %p, %slot : !llvm.ptr, !llvm.ptr
  llvm.store %slot, %table : !llvm.ptr, !llvm.ptr
  func.call @winnow_rt_launch(%number, %blocks, %blocks, %blocks, %threads, %c1, %c1, %bytes, %table) : (i32, i64, i64, i64, i32, i32, i32, i32, !llvm.ptr) -> ()
  return
}

// CHECK: is read while a copy of thread {{[0-9]+}} may not have arrived
func.func private @run_early(%x: memref<60xf32>) attributes {winnow.kernel = {kind = "none"}, test.shapes = [[[60]]]} {
  %number = arith.constant 2 : i32
  %one = llvm.mlir.constant(1 : i64) : i64
  %blocks = arith.constant 1 : i64
  %threads = arith.constant 64 : i32
  %c1 = arith.constant 1 : i32
  %bytes = arith.constant 256 : i32
  %slot = llvm.alloca %one x !llvm.ptr : (i64) -> !llvm.ptr
  %table = llvm.alloca %one x !llvm.ptr : (i64) -> !llvm.ptr
  %d = builtin.unrealized_conversion_cast %x : memref<60xf32> to !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)>
  %p = llvm.extractvalue %d[1] : !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)>
  llvm.store %p, %slot : !llvm.ptr, !llvm.ptr
  llvm.store %slot, %table : !llvm.ptr, !llvm.ptr
  func.call @winnow_rt_launch(%number, %blocks, %blocks, %blocks, %threads, %c1, %c1, %bytes, %table) : (i32, i64, i64, i64, i32, i32, i32, i32, !llvm.ptr) -> ()
  return
}

// CHECK: some warps have ended while others wait at a barrier
func.func private @run_half(%x: memref<60xf32>) attributes {winnow.kernel = {kind = "none"}, test.shapes = [[[60]]]} {
  %number = arith.constant 3 : i32
  %one = llvm.mlir.constant(1 : i64) : i64
  %blocks = arith.constant 1 : i64
  %threads = arith.constant 64 : i32
  %c1 = arith.constant 1 : i32
  %bytes = arith.constant 256 : i32
  %slot = llvm.alloca %one x !llvm.ptr : (i64) -> !llvm.ptr
  %table = llvm.alloca %one x !llvm.ptr : (i64) -> !llvm.ptr
  %d = builtin.unrealized_conversion_cast %x : memref<60xf32> to !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)>
  %p = llvm.extractvalue %d[1] : !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)>
  llvm.store %p, %slot : !llvm.ptr, !llvm.ptr
  llvm.store %slot, %table : !llvm.ptr, !llvm.ptr
  func.call @winnow_rt_launch(%number, %blocks, %blocks, %blocks, %threads, %c1, %c1, %bytes, %table) : (i32, i64, i64, i64, i32, i32, i32, i32, !llvm.ptr) -> ()
  return
}
}

// RUN: winnow-opt %s --winnow-generate-kernels=cpu=x86-64-v3 | FileCheck %s

// CHECK-LABEL: func.func private @define_size_2(
// CHECK-SAME: %[[VALUE:.*]]: index, %[[SITE:.*]]: i32) -> index
// CHECK: call @winnow_rt_define(%c2_i32, %{{.*}}, %[[SITE]]) : (i32, i64, i32) -> ()
// CHECK: return %[[VALUE]]
func.func private @define_size_2(index, i32) -> index attributes {winnow.kernel = {kind = "define_size", symbol = 2 : i64}}

// CHECK-LABEL: func.func private @check_size(
// CHECK: arith.cmpi ne
// CHECK: scf.if
// CHECK: call @winnow_rt_stop
func.func private @check_size(index, index, i32) attributes {winnow.kernel = {kind = "check_size"}}

; The products of matrices and vectors that Numba leaves to BLAS (numba/_lapack.c), as loops: Enzyme can look into them. NUMBER is double or
; float; matrices are in Fortran's order. c = alpha * op(a) * op(b) + beta * c, where op may transpose.

define internal void @product.NUMBER(i1 %ta, i1 %tb, i64 %m, i64 %n, i64 %k, NUMBER %alpha, ptr %a, i64 %lda, ptr %b, i64 %ldb,
                                     NUMBER %beta, ptr %c, i64 %ldc) alwaysinline {
start:
  %keeps = fcmp une NUMBER %beta, 0.0
  br label %columns
columns:
  %j = phi i64 [ 0, %start ], [ %j.next, %rows.done ]
  %j.more = icmp slt i64 %j, %n
  br i1 %j.more, label %rows, label %done
rows:
  %i = phi i64 [ 0, %columns ], [ %i.next, %stored ]
  %i.more = icmp slt i64 %i, %m
  br i1 %i.more, label %sums, label %rows.done
sums:
  %l = phi i64 [ 0, %rows ], [ %l.next, %term ]
  %sum = phi NUMBER [ 0.0, %rows ], [ %sum.next, %term ]
  %l.more = icmp slt i64 %l, %k
  br i1 %l.more, label %term, label %store
term:
  %a.row = select i1 %ta, i64 %l, i64 %i
  %a.column = select i1 %ta, i64 %i, i64 %l
  %a.start = mul nsw i64 %a.column, %lda
  %a.index = add nsw i64 %a.start, %a.row
  %a.place = getelementptr inbounds NUMBER, ptr %a, i64 %a.index
  %a.value = load NUMBER, ptr %a.place
  %b.row = select i1 %tb, i64 %j, i64 %l
  %b.column = select i1 %tb, i64 %l, i64 %j
  %b.start = mul nsw i64 %b.column, %ldb
  %b.index = add nsw i64 %b.start, %b.row
  %b.place = getelementptr inbounds NUMBER, ptr %b, i64 %b.index
  %b.value = load NUMBER, ptr %b.place
  %both = fmul NUMBER %a.value, %b.value
  %sum.next = fadd NUMBER %sum, %both
  %l.next = add nsw i64 %l, 1
  br label %sums
store:
  %scaled = fmul NUMBER %alpha, %sum
  %c.start = mul nsw i64 %j, %ldc
  %c.index = add nsw i64 %c.start, %i
  %c.place = getelementptr inbounds NUMBER, ptr %c, i64 %c.index
  br i1 %keeps, label %add, label %stored
add:
  %old = load NUMBER, ptr %c.place
  %kept = fmul NUMBER %beta, %old
  %added = fadd NUMBER %scaled, %kept
  br label %stored
stored:
  %result = phi NUMBER [ %scaled, %store ], [ %added, %add ]
  store NUMBER %result, ptr %c.place
  %i.next = add nsw i64 %i, 1
  br label %rows
rows.done:
  %j.next = add nsw i64 %j, 1
  br label %columns
done:
  ret void
}
; ---
; Numba's entry points: `kind` is s or d (115, 100), a `trans` of t or c (116, 99), in either case, transposes.
define internal i1 @transposes(i8 %trans) alwaysinline {
  %lower = or i8 %trans, 32
  %t = icmp eq i8 %lower, 116
  %c = icmp eq i8 %lower, 99
  %any = or i1 %t, %c
  ret i1 %any
}

define internal i32 @numba_xxgemm(i8 %kind, i8 %transa, i8 %transb, i64 %m, i64 %n, i64 %k, ptr %alpha, ptr %a, i64 %lda, ptr %b, i64 %ldb,
                                  ptr %beta, ptr %c, i64 %ldc) alwaysinline {
  %ta = call i1 @transposes(i8 %transa)
  %tb = call i1 @transposes(i8 %transb)
  %single = icmp eq i8 %kind, 115
  br i1 %single, label %float, label %double
double:
  %alpha.double = load double, ptr %alpha
  %beta.double = load double, ptr %beta
  call void @product.double(i1 %ta, i1 %tb, i64 %m, i64 %n, i64 %k, double %alpha.double, ptr %a, i64 %lda, ptr %b, i64 %ldb,
                            double %beta.double, ptr %c, i64 %ldc)
  ret i32 0
float:
  %alpha.float = load float, ptr %alpha
  %beta.float = load float, ptr %beta
  call void @product.float(i1 %ta, i1 %tb, i64 %m, i64 %n, i64 %k, float %alpha.float, ptr %a, i64 %lda, ptr %b, i64 %ldb,
                           float %beta.float, ptr %c, i64 %ldc)
  ret i32 0
}

define internal i32 @numba_xxgemv(i8 %kind, i8 %trans, i64 %m, i64 %n, ptr %alpha, ptr %a, i64 %lda, ptr %x, ptr %beta, ptr %y) alwaysinline {
  %t = call i1 @transposes(i8 %trans)
  %rows = select i1 %t, i64 %n, i64 %m
  %inner = select i1 %t, i64 %m, i64 %n
  %status = call i32 @numba_xxgemm(i8 %kind, i8 %trans, i8 110, i64 %rows, i64 1, i64 %inner, ptr %alpha, ptr %a, i64 %lda, ptr %x,
                                   i64 %inner, ptr %beta, ptr %y, i64 %rows)
  ret i32 %status
}

define internal i32 @numba_xxdot(i8 %kind, i8 %conjugate, i64 %n, ptr %x, ptr %y, ptr %result) alwaysinline {
  %single = icmp eq i8 %kind, 115
  br i1 %single, label %float, label %double
double:
  call void @product.double(i1 true, i1 false, i64 1, i64 1, i64 %n, double 1.0, ptr %x, i64 %n, ptr %y, i64 %n, double 0.0, ptr %result, i64 1)
  ret i32 0
float:
  call void @product.float(i1 true, i1 false, i64 1, i64 1, i64 %n, float 1.0, ptr %x, i64 %n, ptr %y, i64 %n, float 0.0, ptr %result, i64 1)
  ret i32 0
}

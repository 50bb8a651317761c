// SPDX-License-Identifier: GPL-2.0
/*
 * Brings a kernel down, or its tasks to a stand, in the way its parameter names.
 *
 * A way to crash goes down in lab_culprit(), so that who is to blame is known. The tasks of a way
 * to stand are called after what they do: lab-hold-*, lab-wait-*.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/percpu-rwsem.h>
#include <linux/rcupdate.h>
#include <linux/rtmutex.h>
#include <linux/rwsem.h>
#include <linux/sched/signal.h>
#include <linux/semaphore.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/wait_bit.h>
#include <linux/workqueue.h>

static char *how = "none";
module_param(how, charp, 0444);

struct lab_item {
	int id;
	struct list_head node;
	void (*call)(void);
	char name[40];
};

static volatile int lab_zero;
static LIST_HEAD(lab_list);
static DEFINE_SPINLOCK(lab_spin);
static DEFINE_MUTEX(lab_mutex);
static DEFINE_MUTEX(lab_other);
static DEFINE_MUTEX(lab_third);
static DECLARE_RWSEM(lab_rwsem_read);
static DECLARE_RWSEM(lab_rwsem_write);
static struct semaphore lab_sem = __SEMAPHORE_INITIALIZER(lab_sem, 1);
static DEFINE_RT_MUTEX(lab_rtmutex);
static DECLARE_COMPLETION(lab_completion);
static DECLARE_WAIT_QUEUE_HEAD(lab_queue);
DEFINE_STATIC_PERCPU_RWSEM(lab_percpu);
static struct timer_list lab_timer;
static struct work_struct lab_work;
static struct page *lab_page;
static unsigned long lab_word = 8;

/* --- ways to crash */

static noinline int lab_recurse(int depth)
{
	volatile char room[400];

	room[depth & 255] = depth;
	if (!lab_zero)
		return lab_recurse(depth + 1) + room[depth & 255];
	return room[0];
}

static noinline void lab_smash(volatile char *at, int count)
{
	while (count--)
		*at++ = 'x';
	barrier();
}

static void lab_spin_forever(void)
{
	for (;;)
		cpu_relax();
}

static noinline int lab_culprit(const char *way)
{
	struct lab_item *item = NULL;

	if (!strcmp(way, "null") || !strcmp(way, "irq")) {
		item = (struct lab_item *)(long)lab_zero;
		item->id = 1;
	} else if (!strcmp(way, "call")) {
		void (*call)(void) = (void (*)(void))(long)lab_zero;
		call();
	} else if (!strcmp(way, "wild")) {
		item = (struct lab_item *)(0xffffc12345678000 + lab_zero);
		item->id = 1;
	} else if (!strcmp(way, "crooked")) {
		item = (struct lab_item *)(0x5a17c0de5a17c0de + lab_zero);
		item->id = 1;
	} else if (!strcmp(way, "poison")) {
		item = kmalloc(sizeof(*item), GFP_KERNEL);
		kfree(item);
		barrier();
		item->node.next->prev = &item->node;
	} else if (!strcmp(way, "listpoison")) {
		item = kzalloc(sizeof(*item), GFP_KERNEL);
		list_add(&item->node, &lab_list);
		list_del(&item->node);
		((struct list_head *)READ_ONCE(item->node.next))->prev = NULL;
	} else if (!strcmp(way, "list")) {
		item = kzalloc(sizeof(*item), GFP_KERNEL);
		list_add(&item->node, &lab_list);
		WRITE_ONCE(item->node.next->prev, &lab_list);
		list_del(&item->node);
	} else if (!strcmp(way, "doublefree")) {
		item = kmalloc(sizeof(*item), GFP_KERNEL);
		kfree(item);
		kfree(item);
	} else if (!strcmp(way, "bug")) {
		BUG_ON(!lab_zero);
	} else if (!strcmp(way, "warn")) {
		WARN(1, "lab: something is odd\n");
	} else if (!strcmp(way, "panic")) {
		panic("lab: no way on");
	} else if (!strcmp(way, "divide")) {
		lab_zero = 7 / lab_zero;
	} else if (!strcmp(way, "overflow")) {
		return lab_recurse(0);
	} else if (!strcmp(way, "smash")) {
		char room[16];

		lab_smash(room, 48);
		return room[3];
	} else if (!strcmp(way, "noexec")) {
		static u8 data[] = { 0xc3 };

		((void (*)(void))(data + lab_zero))();
	} else if (!strcmp(way, "readonly")) {
		*(volatile int *)&kthread_create_on_node = 1;
	} else if (!strcmp(way, "user")) {
		return *(volatile int *)current->mm->start_code;
	} else if (!strcmp(way, "usercopy")) {
		item = kmalloc(sizeof(*item), GFP_KERNEL);
		OPTIMIZER_HIDE_VAR(item); /* its size is not to be known */
		return copy_to_user((void __user *)current->mm->start_stack - 4096, item, 512 + lab_zero);
	} else if (!strcmp(way, "soft")) {
		preempt_disable();
		lab_spin_forever();
	} else if (!strcmp(way, "hard")) {
		local_irq_disable();
		lab_spin_forever();
	} else if (!strcmp(way, "rcu")) {
		rcu_read_lock();
		preempt_disable();
		lab_spin_forever();
	} else if (!strcmp(way, "spindead")) {
		spin_lock(&lab_spin);
		spin_lock(&lab_spin);
	} else if (!strcmp(way, "oom")) {
		for (;;)
			if (!kzalloc(PAGE_SIZE, GFP_KERNEL))
				msleep(1);
	} else if (!strcmp(way, "atomic")) {
		preempt_disable();
		msleep(1);
		preempt_enable();
	} else if (!strcmp(way, "init")) {
		struct task_struct *init = pid_task(find_vpid(1), PIDTYPE_PID);

		init->signal->flags &= ~SIGNAL_UNKILLABLE;
		send_sig(SIGSEGV, init, 1);
	}
	return 0;
}

static noinline void lab_caller(const char *way)
{
	lab_culprit(way);
	barrier();
}

static void lab_expired(struct timer_list *unused)
{
	lab_caller("irq");
}

static void lab_worked(struct work_struct *unused)
{
	lab_caller("null");
}

/* --- ways to stand */

static void lab_stand(void)
{
	for (;;) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule_timeout(MAX_SCHEDULE_TIMEOUT);
	}
}

#define TASK(name, body) static int name(void *unused) { body; return 0; }
TASK(hold_mutex, mutex_lock(&lab_mutex); lab_stand())
TASK(wait_mutex, msleep(300); mutex_lock(&lab_mutex); lab_stand())
TASK(dead_one, mutex_lock(&lab_mutex); msleep(500); mutex_lock(&lab_other); lab_stand())
TASK(dead_two, mutex_lock(&lab_other); msleep(500); mutex_lock(&lab_mutex); lab_stand())
TASK(hold_read, down_read(&lab_rwsem_read); lab_stand())
TASK(wait_read, msleep(300); down_write(&lab_rwsem_read); lab_stand())
TASK(hold_write, down_write(&lab_rwsem_write); lab_stand())
TASK(wait_write, msleep(300); down_read(&lab_rwsem_write); lab_stand())
TASK(hold_sem, down(&lab_sem); lab_stand())
TASK(wait_sem, msleep(300); down(&lab_sem); lab_stand())
TASK(hold_rt, rt_mutex_lock(&lab_rtmutex); lab_stand())
TASK(wait_rt, msleep(300); rt_mutex_lock(&lab_rtmutex); lab_stand())
TASK(hold_percpu, percpu_down_write(&lab_percpu); lab_stand())
TASK(wait_percpu, msleep(300); percpu_down_read(&lab_percpu); lab_stand())
TASK(wait_completion, wait_for_completion(&lab_completion))
TASK(wait_queue, wait_event(lab_queue, lab_zero))
TASK(hold_folio, lock_page(lab_page); lab_stand())
TASK(wait_folio, msleep(300); lock_page(lab_page); lab_stand())
TASK(wait_bit, wait_on_bit(&lab_word, 3, TASK_UNINTERRUPTIBLE))
TASK(chain_one, mutex_lock(&lab_third); msleep(300); mutex_lock(&lab_mutex); lab_stand())
TASK(chain_two, msleep(600); mutex_lock(&lab_third); lab_stand())

static void lab_sleeps(struct work_struct *unused)
{
	lab_stand();
}

static struct work_struct lab_stuck;
TASK(wait_work, msleep(300); flush_work(&lab_stuck))

#define START(function, name) kthread_run(function, NULL, name)

static void lab_locks(void)
{
	START(hold_mutex, "lab-hold-mutex"); START(wait_mutex, "lab-wait-mutex");
	START(hold_read, "lab-hold-read"); START(wait_read, "lab-wait-read");
	START(hold_write, "lab-hold-write"); START(wait_write, "lab-wait-write");
	START(hold_sem, "lab-hold-sem"); START(wait_sem, "lab-wait-sem");
	START(hold_rt, "lab-hold-rt"); START(wait_rt, "lab-wait-rt");
	START(hold_percpu, "lab-hold-percpu"); START(wait_percpu, "lab-wait-percpu");
	START(wait_completion, "lab-wait-compl"); START(wait_queue, "lab-wait-queue");
	lab_page = alloc_page(GFP_KERNEL);
	START(hold_folio, "lab-hold-folio"); START(wait_folio, "lab-wait-folio");
	START(wait_bit, "lab-wait-bit");
	START(chain_one, "lab-chain-one"); START(chain_two, "lab-chain-two");
	INIT_WORK(&lab_stuck, lab_sleeps); schedule_work(&lab_stuck); START(wait_work, "lab-wait-work");
}

static int __init lab_init(void)
{
	pr_info("lab: %s\n", how);
	if (!strcmp(how, "irq")) {
		timer_setup(&lab_timer, lab_expired, 0);
		mod_timer(&lab_timer, jiffies + HZ / 10);
	} else if (!strcmp(how, "work")) {
		INIT_WORK(&lab_work, lab_worked);
		schedule_work(&lab_work);
	} else if (!strcmp(how, "locks")) {
		lab_locks();
	} else if (!strcmp(how, "deadlock") || !strcmp(how, "hung")) {
		START(dead_one, "lab-dead-one"); START(dead_two, "lab-dead-two");
	} else {
		lab_caller(how);
	}
	return 0;
}
module_init(lab_init);
MODULE_DESCRIPTION("ways to crash, for tests");
MODULE_LICENSE("GPL");

// A far side in the driver: answers SYNs where they arrive. One program for each way to answer; see
// fate.rs for the same in Rust.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>

#define SECTION(name) __attribute__((section(name), used))
#define SWAP16(x) __builtin_bswap16(x)
#define SWAP32(x) __builtin_bswap32(x)

static long (*adjust_tail)(struct xdp_md *, int) = (void *)BPF_FUNC_xdp_adjust_tail;

char _license[] SECTION("license") = "Dual MIT/GPL";

enum fate { SILENT, CLOSED, OPEN };

static __always_inline __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return ~((sum & 0xffff) + (sum >> 16));
}

static __always_inline __u32 add(__u32 sum, const void *bytes, int words)
{
	const __u16 *word = bytes;
#pragma unroll
	for (int i = 0; i < words; i++)
		sum += word[i];
	return sum;
}

// Turns a SYN into its answer in place. Options and padding are cut off.
static __always_inline int answer(struct xdp_md *xdp, int sparse)
{
	void *data = (void *)(long)xdp->data, *end = (void *)(long)xdp->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	struct tcphdr *tcp = (void *)(ip + 1);

	if ((void *)(tcp + 1) > end)
		return XDP_PASS;
	if (eth->h_proto != SWAP16(ETH_P_IP) || ip->protocol != IPPROTO_TCP || ip->ihl != 5)
		return XDP_PASS;
	__u32 host = SWAP32(ip->daddr);
	if (host >> 17 != 0xc6120000u >> 17) // 198.18.0.0/15
		return XDP_PASS;
	// An RST or ACK is the end of a conversation.
	if (!tcp->syn || tcp->ack || tcp->rst)
		return XDP_DROP;

	enum fate fate = OPEN;
	if (sparse) {
		int nibble = host & 15;
		if (nibble >= 8)
			fate = SILENT;
		else
			fate = nibble == 7 && SWAP16(tcp->dest) % 10 == 0 ? OPEN : CLOSED;
	}
	if (fate == SILENT)
		return XDP_DROP;

	unsigned char mac[ETH_ALEN];
	__builtin_memcpy(mac, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, mac, ETH_ALEN);

	__be32 address = ip->saddr;
	ip->saddr = ip->daddr;
	ip->daddr = address;
	ip->tot_len = SWAP16(sizeof(*ip) + sizeof(*tcp));
	ip->tos = 0;
	ip->id = 0;
	ip->frag_off = SWAP16(0x4000); // don't fragment
	ip->ttl = 64;
	ip->check = 0;
	ip->check = fold(add(0, ip, sizeof(*ip) / 2));

	__be16 port = tcp->source;
	tcp->source = tcp->dest;
	tcp->dest = port;
	tcp->ack_seq = SWAP32(SWAP32(tcp->seq) + 1);
	tcp->seq = fate == OPEN ? SWAP32(host * 2654435761u) : 0;
	// Length and flags in one word: SYN-ACK, or RST-ACK.
	((__u16 *)tcp)[6] = fate == OPEN ? SWAP16(0x5012) : SWAP16(0x5014);
	tcp->window = fate == OPEN ? SWAP16(64240) : 0;
	tcp->urg_ptr = 0;
	tcp->check = 0;
	__u32 pseudo = SWAP16(IPPROTO_TCP) + SWAP16(sizeof(*tcp));
	tcp->check = fold(add(add(pseudo, &ip->saddr, 4), tcp, sizeof(*tcp) / 2));

	int rest = end - data - (int)(sizeof(*eth) + sizeof(*ip) + sizeof(*tcp));
	if (rest > 0 && adjust_tail(xdp, -rest))
		return XDP_DROP;
	return XDP_TX;
}

SECTION("xdp") int pass(struct xdp_md *xdp) { return XDP_PASS; }
SECTION("xdp") int silence(struct xdp_md *xdp) { return XDP_DROP; }
SECTION("xdp") int all_open(struct xdp_md *xdp) { return answer(xdp, 0); }
SECTION("xdp") int sparse(struct xdp_md *xdp) { return answer(xdp, 1); }

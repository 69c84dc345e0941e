using System.Diagnostics;
using System.Text;
using PortForward.Cluster.Kubeconfig;

namespace PortForward.Cluster.Tests.Kubeconfig;

public sealed class MergedKubeconfigTests : IDisposable
{
    private const string Secret = "s3cr3t-t0ken";

    private readonly HomeFolder _folder = new();

    [Fact]
    public void Of_each_named_entry_the_first_counts_whole()
    {
        string first = _folder.Write("first", "users:\n- name: u\n  user: {token: first}\n");
        string second = _folder.Write("second", "users:\n- name: u\n  user: {token: second, as: other}\n- name: v\n  user: {token: v}\n");

        MergedKubeconfig merged = Load(first, second);

        merged.User("u")!.Text("token").Should().Be("first");
        merged.User("u")!.Text("as").Should().BeNull("entries are not mixed");
        merged.User("v")!.Text("token").Should().Be("v");
    }

    [Theory]
    [InlineData("current-context: a", "current-context: b", "a")]
    [InlineData("current-context: \"\"", "current-context: b", "b")]
    [InlineData("current-context: null", "current-context: b", "b")]
    [InlineData("", "current-context: b", "b")]
    [InlineData("current-context: \"\"", "current-context: \"\"", null)]
    public void The_first_current_context_that_says_something_counts(string first, string second, string? expected) =>
        Load(_folder.Write("first", first), _folder.Write("second", second)).CurrentContext.Should().Be(expected);

    [Fact]
    public void Relative_paths_are_meant_from_their_own_file()
    {
        string first = _folder.Write("a/config", "clusters:\n- name: c\n  cluster: {certificate-authority: ca.pem}\n");
        string second = _folder.Write("b/config", "clusters:\n- name: d\n  cluster: {certificate-authority: ../ca.pem}\n- name: e\n  cluster: {certificate-authority: /etc/ca.pem}\n");

        MergedKubeconfig merged = Load(first, second);

        merged.Cluster("c")!.FilePath("certificate-authority").Should().Be(_folder["a/ca.pem"]);
        merged.Cluster("d")!.FilePath("certificate-authority").Should().Be(_folder["ca.pem"]);
        merged.Cluster("e")!.FilePath("certificate-authority").Should().Be(Path.GetFullPath("/etc/ca.pem"));
    }

    [Fact]
    public void Missing_and_empty_files_of_the_list_say_nothing()
    {
        string[] files = [_folder["missing"], _folder["no/such/folder"], _folder.Write("empty", ""), _folder.Write("comment", "# none\n"), _folder.Write("last", "current-context: c")];

        Load(files).CurrentContext.Should().Be("c");
        Load(files[..4]).IsEmpty.Should().BeTrue();
    }

    [Fact]
    public void When_none_of_the_files_exists_that_is_what_is_missing()
    {
        Load("/nope/a", "/nope/b").WhyNoServer.Should().Be($"KUBECONFIG names no file that exists: /nope/a{Path.PathSeparator}/nope/b");
        Load("/nope/a\n").WhyNoServer.Should().Be("KUBECONFIG names no file that exists: /nope/a (it begins or ends with white space: remove it)");
        MergedKubeconfig.Load(null, _folder.Set("KUBECONFIG", "").Environment).WhyNoServer.Should()
            .Be($"there is no kubeconfig: {_folder[".kube/config"]} does not exist, and neither --kubeconfig nor KUBECONFIG names another file");
    }

    [Fact]
    public void A_file_that_does_not_exist_beside_others_is_told_where_something_was_not_found()
    {
        string empty = _folder.Write("empty", ""), contexts = _folder.Write("contexts", "contexts: [{name: c}]");

        Load(empty).WhyNoServer.Should().Be($"the kubeconfig {empty} is empty");
        Load(contexts).WhyNoServer.Should().Be($"the kubeconfig {contexts} sets no current-context: use --context");
        Load(contexts, "/nope").WhyNoServer.Should().Be($"the kubeconfig {contexts} sets no current-context: use --context; KUBECONFIG also names /nope, which does not exist");
    }

    [Fact]
    public void The_users_own_file_is_read_when_no_other_is_named()
    {
        _folder.Write(".kube/config", "current-context: home");
        string other = _folder.Write("other", "current-context: other");

        MergedKubeconfig.Load(null, _folder.Environment).CurrentContext.Should().Be("home");
        MergedKubeconfig.Load("", _folder.Environment).CurrentContext.Should().Be("home");
        MergedKubeconfig.Load(other, _folder.Environment).CurrentContext.Should().Be("other");
        _folder.Set("KUBECONFIG", "");
        MergedKubeconfig.Load(null, _folder.Environment).CurrentContext.Should().Be("home");
        _folder.Set("KUBECONFIG", $"{Path.PathSeparator}{other}{Path.PathSeparator}");
        MergedKubeconfig.Load(null, _folder.Environment).CurrentContext.Should().Be("other");
    }

    [Fact]
    public void An_explicit_file_must_exist_and_is_not_merged()
    {
        _folder.Set("KUBECONFIG", _folder.Write("listed", "current-context: listed"));
        Action load = () => MergedKubeconfig.Load(_folder["missing"], _folder.Environment);

        load.Should().Throw<ClusterException>().WithMessage($"the kubeconfig {_folder["missing"]} does not exist: check --kubeconfig");
        MergedKubeconfig.Load(_folder.Write("empty", ""), _folder.Environment).IsEmpty.Should().BeTrue();
    }

    [Fact]
    public void Names_are_case_sensitive()
    {
        MergedKubeconfig merged = LoadText("contexts:\n- name: Prod\n  context: {cluster: a}\n- name: prod\n  context: {cluster: b}\n");

        merged.Context("Prod")!.Text("cluster").Should().Be("a");
        merged.Context("prod")!.Text("cluster").Should().Be("b");
        merged.Context("PROD").Should().BeNull();
    }

    [Theory]
    [InlineData("{\"kind\":\"Config\",\"apiVersion\":\"v1\",\"users\":[{\"name\":\"u\",\"user\":{\"token\":\"t\"}}],\"current-context\":\"c\"}")]
    [InlineData("{\n\t\"users\": [\n\t\t{\"name\": \"u\", \"user\": {\"token\": \"t\"}}\n\t],\n\t\"current-context\": \"c\"\n}\n")]
    [InlineData("users:\r\n- name: u\r\n  user:\r\n    token: t\r\ncurrent-context: c\r\n")]
    [InlineData("%YAML 1.1\n---\nusers:\n- {name: u, user: {token: t}}\ncurrent-context: c\n...\n")]
    [InlineData("x-token: &t {token: t}\nusers:\n- name: u\n  user: *t\ncurrent-context: c\n")]
    [InlineData("x-token: &t {token: t}\nusers:\n- name: u\n  user:\n    <<: *t\ncurrent-context: c\n")]
    [InlineData("unknown: [1, {a: b}]\npreferences: {colors: true}\nusers:\n- name: u\n  other: 1\n  user: {token: t, new-field: {a: [b]}}\ncurrent-context: c\n")]
    public void A_file_may_be_written_in_any_way_that_yaml_knows(string text)
    {
        MergedKubeconfig merged = LoadText(text);

        merged.User("u")!.Text("token").Should().Be("t");
        merged.CurrentContext.Should().Be("c");
    }

    [Fact]
    public void A_byte_order_mark_is_no_part_of_the_text()
    {
        foreach (Encoding encoding in new Encoding[] { new UTF8Encoding(true), Encoding.Unicode, Encoding.BigEndianUnicode })
        {
            string path = _folder.Write("marked", [.. encoding.GetPreamble(), .. encoding.GetBytes("current-context: ünter\n")]);

            MergedKubeconfig.Load(path, _folder.Environment).CurrentContext.Should().Be("ünter", "it is written in {0}", encoding.WebName);
        }
    }

    [Theory]
    [InlineData("users:\n- name: u\n- name: u\n", 3, 3, "users has two entries named \"u\"")]
    [InlineData("users:\n- user: {}\n", 2, 3, "an entry of users has no name")]
    [InlineData("users:\n- name: u\n  user:\n    token:abc\n", 4, 5, "user \"u\" is no mapping")]
    [InlineData("clusters:\n- just text\n", 2, 3, "an entry of clusters is no mapping")]
    [InlineData("contexts: {a: b}\n", 1, 11, "contexts is no list")]
    [InlineData("- a\n- b\n", 1, 1, "its top level is no mapping")]
    [InlineData("\n\njust text", 3, 1, "its top level is no mapping")]
    [InlineData("apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n", 2, 7, "its kind is Pod, not Config")]
    [InlineData("users:\n- name: u\n  user: &u {x: *u}\n", 3, 16, "*before or inside the anchor*")]
    [InlineData("users:\n- name: u\n  user: {a: b\ncontexts: []\n", 4, 1, "it is no YAML from here on, or a bracket before is not closed")]
    [InlineData("users: [\n a, b\n", 3, 1, "*did not find expected ',' or ']'")]
    [InlineData("{\"users\": [],\n \"a\": \"b\" \"contexts\": []}", 2, 11, "*did not find expected ',' or '}'")]
    [InlineData("users:\n\t- name: u\n", 2, 1, "*invalid tab*")]
    [InlineData("users:\n- name: u\n  user:\n  \ttoken: x\n", 4, 3, "*invalid tab*")]
    [InlineData("users:\n- name: u\n\tuser: x\n", 3, 1, "*tab character*")]
    [InlineData("users:\n- name: u\n user: {}\n", 3, 2, "*did not find expected key")]
    [InlineData("users:\n- name: u\n  user:\n    token: a: b\n", 4, 13, "*found invalid mapping")]
    [InlineData("users:\r\n- name: a: b\r\n", 2, 10, "*found invalid mapping")]
    [InlineData("users:\n- name: u\n  user:\n    token: \"abc\n     x: y\n", 4, 12, "*unexpected end of stream")]
    [InlineData("users:\n- name: u\n  user: {as: \"x\n     y\\q\"}\n", 4, 7, "*unknown escape character")]
    [InlineData("users: []\n<<<<<<< HEAD\nclusters: []\n", 2, 1, "*did not find expected key")]
    public void A_malformed_file_is_refused_with_the_place_of_the_fault(string text, int line, int column, string message)
    {
        Action load = () => LoadText(text);

        load.Should().Throw<ClusterException>().WithMessage($"the kubeconfig {_folder["config"]} is malformed: line {line}, column {column}: {message}");
    }

    [Fact]
    public void What_is_no_text_is_refused()
    {
        Action load = () => LoadText("\0\0\0");

        load.Should().Throw<ClusterException>().WithMessage($"the kubeconfig {_folder["config"]} is malformed: it is no text");
    }

    [Fact]
    public void Binary_data_is_refused()
    {
        byte[] noise = new byte[100_000];
        new Random(1).NextBytes(noise);
        Action load = () => MergedKubeconfig.Load(_folder.Write("binary", noise), _folder.Environment);

        load.Should().Throw<ClusterException>().WithMessage("the kubeconfig * is malformed: it is no text");
    }

    [Fact]
    public void A_huge_file_is_refused_without_reading_it_whole()
    {
        using (FileStream file = File.Create(_folder["huge"]))
        {
            file.SetLength(10L << 30);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        Action load = () => MergedKubeconfig.Load(_folder["huge"], _folder.Environment);

        load.Should().Throw<ClusterException>().WithMessage("*more than 16 MiB*");
        (GC.GetAllocatedBytesForCurrentThread() - before).Should().BeLessThan(100 << 20);
    }

    [Fact]
    public void A_large_file_is_read_in_bounded_time()
    {
        var text = new StringBuilder("users:\n");
        for (int i = 0; i < 10_000; i++)
        {
            text.Append($"- name: u{i}\n  user:\n    client-certificate-data: {new string('A', 500)}\n    token: t{i}\n");
        }

        var clock = Stopwatch.StartNew();

        LoadText(text.ToString()).User("u9999")!.Text("token").Should().Be("t9999");

        clock.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(20));
    }

    [Fact]
    public void A_folder_is_no_file()
    {
        Action load = () => MergedKubeconfig.Load(_folder.Path, _folder.Environment);

        load.Should().Throw<ClusterException>().WithMessage($"the kubeconfig {_folder.Path} is a directory*");
    }

    [Fact]
    public void A_file_that_was_cut_off_anywhere_is_read_or_refused_and_never_repeats_a_secret()
    {
        string text = $"users:\n- name: u\n  user:\n    token: \"{Secret}\"\n    password: '{Secret}'\n    auth-provider: {{name: oidc, config: {{id-token: {Secret}, refresh-token: \"{Secret}\"}}}}\n    as: |\n      {Secret}\n";
        for (int length = 0; length < text.Length; length++)
        {
            try
            {
                LoadText(text[..length]);
            }
            catch (ClusterException e)
            {
                for (Exception? cause = e; cause is not null; cause = cause.InnerException)
                {
                    cause.ToString().Should().NotContain(Secret[..4], "the file was cut off after {0} characters", length);
                }
            }
        }
    }

    public void Dispose() => _folder.Dispose();

    private MergedKubeconfig Load(params string[] files) =>
        MergedKubeconfig.Load(null, _folder.Set("KUBECONFIG", string.Join(Path.PathSeparator, files)).Environment);

    private MergedKubeconfig LoadText(string text) => MergedKubeconfig.Load(_folder.Write("config", text), _folder.Environment);
}

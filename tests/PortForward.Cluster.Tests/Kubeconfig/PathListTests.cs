using PortForward.Cluster.Kubeconfig;

namespace PortForward.Cluster.Tests.Kubeconfig;

public class PathListTests
{
    [Theory]
    [InlineData("/a:/b", "/a,/b")]
    [InlineData(":/a::", "/a")]
    [InlineData("\"/a\":/b", "\"/a\",/b")]
    [InlineData("", "")]
    public void Elsewhere_than_on_Windows_a_colon_separates(string list, string expected) =>
        string.Join(',', PathList.Split(list, isWindows: false)).Should().Be(expected);

    [Theory]
    [InlineData(@"C:\a;D:\b", @"C:\a,D:\b")]
    [InlineData(@"""C:\a;b\c"";D:\d;", @"C:\a;b\c,D:\d")]
    [InlineData(@"C:\""a b""\c", @"C:\a b\c")]
    [InlineData(@"""C:\a", @"C:\a")]
    [InlineData(";;", "")]
    public void On_Windows_a_semicolon_separates_unless_it_is_in_quotes(string list, string expected) =>
        string.Join(',', PathList.Split(list, isWindows: true)).Should().Be(expected);
}
